"""Support for TIFF layouts that Pillow decodes wrongly or refuses."""

import os
from collections.abc import Iterator
from typing import BinaryIO

from PIL import ImageFile, TiffImagePlugin

_PHOTOMETRIC = {0: "min-is-white", 1: "gray", 2: "RGB", 3: "palette", 4: "mask", 5: "CMYK", 6: "YCbCr", 8: "Lab"}
_SAMPLES = {2: "signed ", 3: "floating-point ", 4: "untyped ", 5: "complex ", 6: "complex "}
_NATIVE = {"I;16S": "I;16NS", "I;16BS": "I;16NS", "I;32B": "I;32N", "I;32BS": "I;32NS", "F;32BF": "F;32NF"}


def _layouts() -> Iterator[tuple[tuple, tuple[str, str]]]:
    """Missing entries of Pillow's table: (byte order, photometric, sample format, fill order, bits, extra samples)."""
    for order, big in ((b"II", ""), (b"MM", "B")):
        for photometric in (0, 1):
            yield (order, photometric, (1,), 1, (12,), ()), ("I;16", "I;12")
            yield (order, photometric, (1,), 1, (16,), ()), (f"I;16{big}", f"I;16{big}")
            yield (order, photometric, (2,), 1, (16,), ()), ("I", f"I;16{big}S")
            yield (order, photometric, (1,), 1, (32,), ()), ("I", f"I;32{big or 'N'}")
            yield (order, photometric, (2,), 1, (32,), ()), ("I", f"I;32{big}S")


for _key, _modes in _layouts():
    TiffImagePlugin.OPEN_INFO.setdefault(_key, _modes)


def correct_layout(image: TiffImagePlugin.TiffImageFile) -> None:
    """Correct the raw modes with which Pillow will unpack an opened, not yet decoded TIFF.

    libtiff returns words in native byte order, planes may have 16 bits, and 12 bits may be stored in 16.
    """
    tags = image.tag_v2
    bits, big = tags.get(258, (1,)), "B" if tags.prefix == b"MM" else ""
    wide = bits == (12,) and sum(tags.get(279, ())) >= 2 * image.width * image.height

    def corrected(tile: ImageFile._Tile) -> ImageFile._Tile:
        raw, *others = tile.args  # ty: ignore[not-iterable]
        if tile.codec_name == "libtiff":
            raw = _NATIVE.get(raw, raw)
        elif wide:
            raw = f"I;16{big}"
        elif tags.get(284) == 2 and set(bits) == {16} and len(raw) == 1:
            raw = f"{raw};16{big or 'L'}"
        return tile._replace(args=(raw, *others))

    image.tile = [corrected(tile) for tile in image.tile]


def described(file: BinaryIO) -> str:
    """Short description of the pixels of a TIFF's first page. Raises Pillow's errors if it is not a TIFF."""
    file.seek(0)
    head = file.read(16)
    if head.startswith(b"MM\0+"):
        return "a BigTIFF of big-endian order"
    tags = TiffImagePlugin.ImageFileDirectory_v2(head if head[2] == 43 else head[:8])
    file.seek(tags.next, os.SEEK_SET)
    tags.load(file)
    bits, photometric = tags.get(258, (1,)), tags.get(262, 0)
    kind = _PHOTOMETRIC.get(photometric, f"photometric {photometric}")
    return f"a TIFF of {_SAMPLES.get(tags.get(339, (1,))[0], '')}{kind}, {' + '.join(map(str, bits))} bits"
