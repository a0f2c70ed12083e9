"""Hashes of photographs, which `leakage` compares.

A module of its own, so that an edit of `leakage` does not rerun shards and benchmarks.
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
    """The first eight non-constant DCT cosines along a side of `size` pixels: float32 `(8, size)`."""
    place = (np.arange(size) + 0.5) * np.pi / size
    return np.cos(np.arange(1, 9)[:, None] * place).astype(np.float32)


def perceptual_hash(rgb: np.ndarray) -> int:
    """Perceptual hash of uint8 RGB `(H, W, 3)` of any size: an integer in [0, 2^64).

    Each bit is the sign of one of the 8x8 lowest DCT frequencies of the green channel that are not constant along a
    side. Large pictures are subsampled to a short side of 96 pixels or more; aliasing hardly affects such low
    frequencies. Source: after pHash (Zauner 2010), which resizes first.
    """
    step = max(min(rgb.shape[:2]) // 96, 1)
    green = rgb[::step, ::step, 1].astype(np.float32)
    height, width = green.shape
    found = _waves(height) @ green @ _waves(width).T
    # The threshold is above rounding errors, so that a flat picture gives 0.
    return int.from_bytes(np.packbits(found > 1e-4 * height * width).tobytes(), "big")


def write_pictures(path: str | os.PathLike, rows: Iterable[tuple[str, bytes, int]]) -> None:
    """Write the hashes of a shard's photographs: name, SHA-256 of the file, `perceptual_hash`."""
    columns = [pa.array(column, field.type) for column, field in zip(zip(*rows, strict=True), SCHEMA, strict=True)]
    pq.write_table(pa.table(columns, schema=SCHEMA), path, compression="zstd", write_statistics=False)
