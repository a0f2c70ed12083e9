"""What photographs are known by: the bytes of their files, and how they look. `leakage` compares them.

Apart from it, so that an edit there writes no shard and no benchmark again.
"""

import functools
import os
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

SCHEMA = pa.schema([("name", pa.string()), ("sha256", pa.binary(32)), ("hash", pa.uint64())])
SUFFIX = ".pictures.parquet"  # in place of a shard's .tar


@functools.lru_cache(maxsize=256)
def _waves(size: int) -> np.ndarray:
    """The cosines of the DCT along a side of `size` pixels, but for the constant one: float32 `(8, size)`."""
    place = (np.arange(size) + 0.5) * np.pi / size
    return np.cos(np.arange(1, 9)[:, None] * place).astype(np.float32)


def perceptual_hash(rgb: np.ndarray) -> int:
    """64 bits of how a picture looks: uint8 RGB `(H, W, 3)`, whole and of any size, to an integer in [0, 2^64).

    Each bit is the sign of one of the 8x8 lowest frequencies of the discrete cosine transform of its green channel,
    without those that are constant along a side. Of large pictures every second, third, ... pixel is looked at, so that
    the short side keeps 96: such low frequencies are hardly touched by what that folds onto them. Source: after pHash
    (Zauner 2010), which resizes first.
    """
    step = max(min(rgb.shape[:2]) // 96, 1)
    green = rgb[::step, ::step, 1].astype(np.float32)
    height, width = green.shape
    found = _waves(height) @ green @ _waves(width).T
    # Above rounding, so that a flat picture has no bit by chance.
    return int.from_bytes(np.packbits(found > 1e-4 * height * width).tobytes(), "big")


def write_pictures(path: str | os.PathLike, rows: Iterable[tuple[str, bytes, int]]) -> None:
    """Write what a shard's photographs are known by: name, SHA-256 of the file, `perceptual_hash`; one row each."""
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    pq.write_table(pa.table(columns, schema=SCHEMA), path, compression="zstd", write_statistics=False)
