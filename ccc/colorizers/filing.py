"""Write coloured pictures as PNG, JPEG or TIFF with the metadata of their source."""

import contextlib
import dataclasses
import io
import itertools
import os
import re
import zlib
from typing import Any, BinaryIO

import cv2
import numpy as np
from PIL import Image, IptcImagePlugin, PngImagePlugin, TiffImagePlugin

from ccc.colorizers.base import JPEG_QUALITY
from ccc.colorizers.notes import plain
from ccc.core.errors import ImageError
from ccc.core.files import written_whole
from ccc.core.images import SOFTWARE, opened

FORMATS = {"png": ".png", "jpeg": ".jpg", "tiff": ".tif"}
WRITTEN = {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".tif": "tiff", ".tiff": "tiff"}
_DESCRIPTION, _ARTIST, _COPYRIGHT, _EXIF, _GPS = 270, 315, 33432, 0x8769, 0x8825
# DocumentName, ImageDescription, Make, Model, PageName, DateTime, Artist, HostComputer, Rating, Copyright, Windows' own
_KEPT = {269, 270, 271, 272, 285, 306, 315, 316, 18246, 18249, 33432, *range(40091, 40096)}
# MakerNote holds offsets into the old file; sizes and the Interoperability block describe the old pixels.
_DROPPED = {37500, 40962, 40963, 40965, 40961}
_PNG_TEXTS = {"Description": _DESCRIPTION, "Author": _ARTIST, "Copyright": _COPYRIGHT}
_IPTC = {(2, 120): _DESCRIPTION, (2, 80): _ARTIST, (2, 116): _COPYRIGHT}
_MARKER = 65000  # bytes of one JPEG segment, minus room for its header
_STRIP = 1 << 20  # bytes of pixels in one strip of a TIFF


@dataclasses.dataclass
class Record:
    """Metadata of a picture file that its coloured version keeps."""

    exif: dict[int, object] = dataclasses.field(default_factory=dict)
    blocks: dict[int, dict] = dataclasses.field(default_factory=dict)  # EXIF and GPS, by tag
    xmp: bytes = b""
    texts: dict[str, str] = dataclasses.field(default_factory=dict)  # PNG texts, or the comment of other formats
    dpi: tuple[float, float] | None = None
    deep: bool = False  # whether its pixels may have more than 8 bits
    several: bool = False  # whether the file may hold more than one picture


class _Encoded(str):
    """EXIF text in UTF-8 if not Latin-1, which Pillow would write with question marks."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        try:
            return super().encode("latin-1")
        except UnicodeEncodeError:
            return super().encode("utf-8")


def record(source: bytes, name: str) -> Record:
    """Read date, caption, artist, copyright, place, camera and resolution of a picture file from EXIF, IPTC and texts.

    Omits orientation, thumbnails, profiles and sizes, which describe the old pixels, and MakerNote. Raises ImageError
    if `source` is not a picture; ignores damaged blocks.
    """
    found = Record()
    with opened(source, name) as image:
        found.several = getattr(image, "n_frames", 1) > 1
        found.deep = image.mode not in ("1", "L", "P", "LA", "PA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB")
        info = image.info
        with contextlib.suppress(Exception):
            dpi = tuple(float(value) for value in info["dpi"])
            found.dpi = dpi if len(dpi) == 2 and all(1 < value < 1e5 for value in dpi) else None
        with contextlib.suppress(Exception):
            exif = image.getexif()
            found.exif = _writable({tag: value for tag, value in exif.items() if tag in _KEPT})
            for block in (_EXIF, _GPS):
                tags = {tag: value for tag, value in exif.get_ifd(block).items() if tag not in _DROPPED}
                found.blocks[block] = _writable(tags, block)
        if isinstance(image, PngImagePlugin.PngImageFile):
            found.texts = {
                str(key): str(value)
                for key, value in image.text.items()
                if key != "Software" and not key.startswith(("XML:", "Raw profile"))
            }
        more = {tag: found.texts[key] for key, tag in _PNG_TEXTS.items() if key in found.texts}
        with contextlib.suppress(Exception):
            iptc = IptcImagePlugin.getiptcinfo(image) or {}  # ty: ignore[invalid-argument-type]  an opened file
            more |= {tag: _text(iptc[key]) for key, tag in _IPTC.items() if key in iptc}
        if comment := info.get("comment"):  # of a JPEG or GIF
            found.texts.setdefault("Comment", _text(comment))
            more.setdefault(_DESCRIPTION, _text(comment))
        found.exif = _writable({tag: value for tag, value in more.items() if value}) | found.exif
        xmp = info.get("xmp", b"")
        found.xmp = _of_other_pixels(xmp if isinstance(xmp, bytes) else str(xmp).encode())
    return found


def _text(value: object) -> str:
    value = b"; ".join(value) if isinstance(value, list) else value
    return (value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)).strip("\0 \r\n")


def _of_other_pixels(xmp: bytes) -> bytes:
    xmp = re.sub(rb"<xmp:Thumbnails>.*?</xmp:Thumbnails>", b"", xmp, flags=re.DOTALL)
    return re.sub(rb"(tiff:Orientation(?:\s*=\s*[\"']|>))[2-8]", rb"\g<1>1", xmp)


def _writable(tags: dict, group: int | None = None) -> dict:
    """Returns the tags that can be written: files hold values of wrong types."""
    found = {}
    for tag, value in tags.items():
        value = _Encoded(value) if isinstance(value, str) else value
        with contextlib.suppress(Exception):
            block = TiffImagePlugin.ImageFileDirectory_v2(group=group)
            block[tag] = value
            block.tobytes()
            found[tag] = value
    return found


def write(
    path: str | os.PathLike, pixels: np.ndarray, software: str, kept: Record, quality: int = JPEG_QUALITY
) -> None:
    """Write sRGB pixels, RGB or RGBA `(H, W, 3 or 4)`, uint8 or (not JPEG) uint16, atomically.

    The suffix of `path` sets the format. `software`: the Software tag; `kept`: the source's metadata; `quality`: of a
    JPEG, which is written without chroma subsampling, transparency over white. Equal arguments give equal bytes. Raises
    ImageError if the format cannot hold so large a picture.
    """
    kind = WRITTEN[os.path.splitext(path)[1].lower()]
    if kind == "jpeg" and max(pixels.shape[:2]) > 65500:
        raise ImageError(str(path), "too large", "a JPEG holds at most 65500 pixels a side; take --format png")
    with written_whole(path) as scratch, open(scratch, "wb") as file:
        {"png": _png, "jpeg": _jpeg, "tiff": _tiff}[kind](file, np.ascontiguousarray(pixels), software, kept, quality)


def _exif(kept: Record, software: str = "") -> Image.Exif:
    """Returns the EXIF of a new file; a PNG has `software` in a text instead."""
    exif = Image.Exif()
    for tag, value in kept.exif.items():
        exif[tag] = value
    if software:
        exif[SOFTWARE] = plain(software)
    for block, tags in kept.blocks.items():
        if tags:
            exif.get_ifd(block).update(tags)
    if kept.blocks.get(_EXIF):
        exif.get_ifd(_EXIF)[40961] = 1  # ColorSpace: sRGB
    return exif


def _png(file: BinaryIO, pixels: np.ndarray, software: str, kept: Record, quality: int) -> None:
    text = PngImagePlugin.PngInfo()
    if software:
        text.add_itxt("Software", software)
    for key, value in kept.texts.items():
        text.add_itxt(key, value)
    if kept.xmp:
        text.add_itxt("XML:com.adobe.xmp", kept.xmp.decode("utf-8", "replace"))
    options: dict[str, Any] = {"format": "PNG", "compress_level": 6, "pnginfo": text}
    options |= {"dpi": kept.dpi} if kept.dpi else {}
    options |= {"exif": _exif(kept)} if kept.exif or any(kept.blocks.values()) else {}
    if pixels.dtype == np.uint8:
        Image.fromarray(pixels).save(file, **options)
        return
    # Pillow cannot write 16-bit RGB, OpenCV no texts: Pillow's blocks of a one-pixel picture precede OpenCV's pixels.
    small = io.BytesIO()
    Image.new("RGB", (1, 1)).save(small, **options)
    blocks = small.getvalue()[33:].split(b"IDAT")[0][:-4]
    order = cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR
    _, encoded = cv2.imencode(".png", cv2.cvtColor(pixels, order), [cv2.IMWRITE_PNG_COMPRESSION, 4])
    file.write(encoded[:33].tobytes() + blocks)  # signature and IHDR
    file.write(encoded[33:].data)


def _jpeg(file: BinaryIO, pixels: np.ndarray, software: str, kept: Record, quality: int) -> None:
    image = Image.fromarray(pixels)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    exif = _exif(kept, software).tobytes()
    if len(exif) > _MARKER:
        short = {tag: value for tag, value in kept.exif.items() if len(str(value)) < 2000}
        exif = _exif(Record(short), software).tobytes()
    options: dict[str, Any] = {"dpi": tuple(round(value) for value in kept.dpi)} if kept.dpi else {}
    comment = kept.texts.get("Comment", "").encode("utf-8", "replace")
    options |= {"comment": comment} if 0 < len(comment) <= _MARKER else {}
    options |= {"xmp": kept.xmp} if 0 < len(kept.xmp) <= _MARKER else {}
    image.save(file, format="JPEG", quality=quality, subsampling=0, exif=exif, **options)


def _tiff(file: BinaryIO, pixels: np.ndarray, software: str, kept: Record, quality: int) -> None:
    """Writes Deflate strips with horizontal differencing and Pillow's tags: Pillow cannot write 16-bit RGB."""
    height, width, channels = pixels.shape
    bits = 8 * pixels.itemsize
    rows = max(1, _STRIP // (width * channels * pixels.itemsize))
    strips = []
    for top in range(0, height, rows):
        part = pixels[top : top + rows].copy()
        part[:, 1:] -= pixels[top : top + rows, :-1]
        strips.append(zlib.compress(part.astype(part.dtype.newbyteorder("<")).tobytes(), 6))
    tags = TiffImagePlugin.ImageFileDirectory_v2(prefix=b"II")
    exif = _exif(kept, software)
    for tag in exif:
        tags[tag] = exif[tag]
    for block in kept.blocks:
        if kept.blocks[block]:
            tags[block] = dict(exif.get_ifd(block))
    if kept.xmp:
        tags[700] = kept.xmp
    across, down = kept.dpi or (72.0, 72.0)
    sizes = [len(strip) for strip in strips]
    starts = itertools.accumulate(sizes[:-1], initial=0)
    # Width, height, bits, Deflate, RGB, strips, channels, rows a strip, resolution in pixels an inch, differences
    layout = {256: width, 257: height, 258: (bits,) * channels, 259: 8, 262: 2, 273: tuple(starts), 277: channels}
    layout |= {278: rows, 279: tuple(sizes), 282: across, 283: down, 284: 1, 296: 2 if kept.dpi else 1, 317: 2}
    for tag, value in (layout | ({338: 2} if channels == 4 else {})).items():
        tags[tag] = value
    for tag in (273, 279):
        tags.tagtype[tag] = 4  # LONG, even for small values
    tags.save(file)
    file.writelines(strips)
