"""Picture files: formats, sizes, pages, and the only way in which ccc opens them."""

import contextlib
import functools
import io
import os
import re
import warnings
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO

import simplejpeg
from PIL import Image, JpegImagePlugin, PngImagePlugin, UnidentifiedImageError
from PIL.TiffImagePlugin import TiffImageFile

from ccc.core.errors import CCCError, ImageError, first_line
from ccc.core.files import MACHINE
from ccc.core.tiff import correct_layout, described

HEIC_EXTRA = 'pip install "color-classified-colorization[heic]"'
# Formats: name, suffixes, notes. Folders are searched for these suffixes; a file's format is detected from its content.
FORMAT_NOTES = (
    (
        "JPEG",
        ".jpg .jpeg .jpe .jfif .mpo",
        "gray, colour and CMYK, also inverted as by Adobe; without the end marker if no row is missing; further "
        "pictures of an MPO are pages",
    ),
    (
        "PNG",
        ".png .apng",
        "1 to 16 bits, 16 bits of colour as 8, also a transparent colour; an ICC profile is applied, else gAMA if "
        "there is no sRGB chunk; cHRM and cICP are not; frames of an APNG are pages",
    ),
    (
        "TIFF",
        ".tif .tiff",
        "gray of 1 to 32 bits, black or white at 0; fewer than 16 bits in 16-bit words if the tag SMaxSampleValue or "
        "MaxSampleValue gives their white (else dark, with a warning); RGB and CMYK of 8 or 16 bits, as 8; palette, "
        "YCbCr, Lab; strips, tiles and planes; little-endian BigTIFF; no levels below 0, no 64 bits",
    ),
    ("WebP, GIF", ".webp .gif", "frames are pages"),
    ("AVIF", ".avif", "as 8 bits; frames are pages"),
    ("HEIC", ".heic .heif", f"as 8 bits; with {HEIC_EXTRA}"),
    ("JPEG 2000", ".jp2 .j2k .j2c .jpc .jpf .jpx", "8 and 16 bits"),
    ("BMP", ".bmp", "all that Pillow reads"),
    ("PNM", ".ppm .pgm .pbm .pnm", "text and binary, up to 16 bits; no floating point"),
    ("TGA", ".tga", "recognized by its suffix only"),
)
SUFFIXES = {suffix for _, suffixes, _ in FORMAT_NOTES for suffix in suffixes.split()}
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF", "PPM", "JPEG2000", "AVIF")  # no EPS: decoding it runs a program
LIMIT = "CCC_MAX_PICTURE_MB"  # environment variable: memory limit for one picture
DEFAULT_LIMIT = 1024
_HEIC = re.compile(rb".{4}ftyp(?:hei[cxms]|hev[cxms]|mif1|msf1)", re.DOTALL)
_MAGIC = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|II[*+]\0|MM\0[*+]|RIFF.{4}WEBP|P[1-6][\s#]"
    rb"|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|.{4}ftypavi[fs]",
    re.DOTALL,
)
# In Pillow's memory; other modes take 4.
_MODE_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16L": 2, "I;16B": 2}

# Pillow's limits are global: MAX_IMAGE_PIXELS counts pixels instead of bytes (`check_size` counts bytes), and
# MAX_TEXT_CHUNK refuses pictures with a profile or text of more than a megabyte.
Image.MAX_IMAGE_PIXELS = None
PngImagePlugin.MAX_TEXT_CHUNK = PngImagePlugin.MAX_TEXT_MEMORY = 1 << 26  # ty: ignore[invalid-assignment]


def looks_like_picture(head: bytes) -> bool:
    """Whether a file's first bytes (32 are enough) are those of a supported format.

    TGA has no signature and is recognized by its suffix only.
    """
    return bool(_MAGIC.match(head) or _HEIC.match(head))


def page_count(source: str | os.PathLike | bytes) -> int:
    """Number of pictures in a file: pages of a TIFF, frames of a GIF, APNG, WebP or AVIF, pictures of an MPO.

    Reduced copies and masks in a TIFF do not count. The second picture of an MPO is usually the other eye's view or a
    gain map for bright screens. Raises as `opened`.
    """
    with opened(source) as image:
        return len(_pages(image))


def picture_size(source: str | os.PathLike | bytes) -> tuple[int, int]:
    """Displayed width and height in pixels, from the file's header. Raises as `opened`."""
    with opened(source) as image:
        width, height = image.size
        if image.format == "TIFF":  # already rotated by Pillow
            return width, height
        with contextlib.suppress(Exception):  # a broken EXIF block does not affect the pixels
            if image.getexif().get(0x0112) in (5, 6, 7, 8):
                return height, width
        return width, height


@contextlib.contextmanager
def opened(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> Generator[Image.Image]:
    """Open a picture file for a `with` block; reads its header but not its pixels.

    `source`: a path, or the bytes of a file; `name`: its name in errors; `page`: index from 0, as counted by
    `page_count`. Tries only the formats above, and refuses a picture whose pixels would exceed the memory limit.
    Raises ImageError, also in place of errors that Pillow raises within the block; its `reason` is one of "empty file",
    "not a picture", "truncated", "too large", "missing file", "missing page", "needs an extra", "unsupported mode",
    "unreadable". Errors of the machine, such as too little memory for the pixels, are raised as they are.
    """
    name, fits = name or name_of(source), False
    try:
        with _file(source, name) as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # these concern metadata; problems of the pixels raise
            with Image.open(file, formats=_formats(file, name)) as image:
                _seek(image, name, page)
                check_size(image.size, _MODE_BYTES.get(image.mode, 4) + 4, name)
                fits = True
                if isinstance(image, TiffImageFile):
                    correct_layout(image)
                for tile in image.tile if isinstance(image, PngImagePlugin.PngImageFile) else []:
                    _scale_transparency(image, str(tile.args))
                yield image
    except CCCError:
        raise
    except UnidentifiedImageError:
        raise _unidentified(source, name) from None
    except Exception as error:  # Pillow's readers raise a dozen types for damaged files
        if isinstance(error, MemoryError) and fits:  # before, a damaged header may claim any size
            raise
        if isinstance(error, OSError) and error.errno in MACHINE:
            raise OSError(error.errno, error.strerror, name) from None
        text = first_line(error)
        raise ImageError(name, "truncated" if _is_cut(text) else "unreadable", text) from None


@contextlib.contextmanager
def decoded(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> Generator[Image.Image]:
    """As `opened`, with the pixels decoded. Accepts a JPEG without end marker if it has all rows."""
    name = name or name_of(source)
    with opened(source, name, page) as image:
        try:
            image.load()
        except OSError as error:
            is_jpeg = isinstance(image, JpegImagePlugin.JpegImageFile)
            whole = _with_end_mark(source, image) if is_jpeg and _is_cut(str(error)) else None
            if whole is None:
                raise
        else:
            yield image
            return
    with opened(whole, name, page) as image:
        image.load()
        yield image


def check_size(size: tuple[int, int], pixel_bytes: int, name: str) -> None:
    """Raise ImageError, "too large", if `size` (width, height) times `pixel_bytes` exceeds the memory limit."""
    limit, (width, height) = _limit(), size
    if (needed := -(-width * height * pixel_bytes // (1 << 20))) > limit:
        raise ImageError(
            name, "too large", f"{width}x{height} takes {needed} MB, at most {limit}: {LIMIT}={needed} allows it"
        )


def name_of(source: str | os.PathLike | bytes) -> str:
    """A picture's name in errors: its path, or "picture" for bytes."""
    return "picture" if isinstance(source, bytes) else str(source)


def _unidentified(source: str | os.PathLike | bytes, name: str) -> ImageError:
    with contextlib.suppress(Exception), _file(source, name) as file:
        return ImageError(name, "unsupported mode", f"{described(file)}; save it as PNG with 8 or 16 bits")
    return ImageError(name, "not a picture")


def _limit() -> int:
    text = os.environ.get(LIMIT) or str(DEFAULT_LIMIT)
    if not re.fullmatch(r"[1-9]\d{0,8}", text):
        raise CCCError(f"{LIMIT} must be a whole number of megabytes, got {text!r}")
    return int(text)


def _scale_transparency(image: Image.Image, stored: str) -> None:
    """Bring a PNG's transparent level or colour from its depth, which Pillow keeps, to the 8 bits of the pixels."""
    clear = image.info.get("transparency")
    if isinstance(clear, int) and stored in ("L;2", "L;4"):
        image.info["transparency"] = clear * (85 if stored == "L;2" else 17)
    elif isinstance(clear, tuple) and stored == "RGB;16B":
        image.info["transparency"] = tuple(level >> 8 for level in clear)


def _is_cut(text: str) -> bool:
    return "truncated" in text or "broken data stream" in text or "unexpected end" in text.lower()


def _file(source: str | os.PathLike | bytes, name: str) -> BinaryIO:
    if not isinstance(source, bytes):
        path = Path(source)
        if not path.is_file():
            raise ImageError(name, "missing file")
        if not path.stat().st_size:
            raise ImageError(name, "empty file")
        return path.open("rb")
    if not source:
        raise ImageError(name, "empty file")
    return io.BytesIO(source)


def _formats(file: BinaryIO, name: str) -> tuple[str, ...]:
    """Formats to try: HEIF by content and TGA by suffix, since their readers accept other files too."""
    head = file.read(32)
    file.seek(0)
    if _HEIC.match(head) and _reads_heic():
        return (*FORMATS, "HEIF")
    if _HEIC.match(head) and head[8:12] != b"mif1":  # mif1 may be an AVIF
        raise ImageError(name, "needs an extra", f"HEIC: {HEIC_EXTRA}")
    return (*FORMATS, "TGA") if Path(name).suffix.lower() == ".tga" else FORMATS


@functools.cache
def _reads_heic() -> bool:
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def _pages(image: Image.Image) -> list[int]:
    """Indices of the frames that are independent pictures."""
    frames = range(getattr(image, "n_frames", 1))
    if not isinstance(image, TiffImageFile) or len(frames) == 1:
        return list(frames)
    own = []
    for frame in frames:
        image.seek(frame)
        if not image.tag_v2.get(254, 0) & 0b101:  # NewSubfileType: a reduced copy, a mask
            own.append(frame)
    return own or [0]


def _seek(image: Image.Image, name: str, page: int) -> None:
    if page == 0:  # counting the pages may read the whole file
        return
    pages = _pages(image)
    if not 0 <= page < len(pages):
        raise ImageError(name, "missing page", f"page {page + 1} of {len(pages)}")
    image.seek(pages[page])


def _with_end_mark(source: str | os.PathLike | bytes, image: JpegImagePlugin.JpegImageFile) -> bytes | None:
    """The JPEG with its missing end marker added; None if libjpeg still lacks data."""
    data = (source if isinstance(source, bytes) else Path(source).read_bytes()) + b"\xff\xd9"
    try:
        colorspace = {"Gray": "GRAY", "CMYK": "CMYK", "YCCK": "CMYK"}.get(simplejpeg.decode_jpeg_header(data)[2], "RGB")
        simplejpeg.decode_jpeg(data, colorspace=colorspace)
    except ValueError:
        return None
    return data if not image.info.get("progressive") or _has_all_scans(data, image.layers) else None


def _has_all_scans(data: bytes, components: int) -> bool:
    """Whether a progressive JPEG has all bits of all coefficients (ITU-T T.81, B.2.3), which libjpeg does not check."""
    body, whole = data[data.rfind(b"\xff\xc2\0") :], set()
    for found in re.finditer(rb"\xff\xda\0[\x08\x0a\x0c\x0e]([\x01-\x04])", body):
        after = found.end() + 2 * body[found.end() - 1]
        start, end, bits = body[after : after + 3]
        if bits & 15 == 0:
            whole |= {(name, place) for name in body[found.end() : after : 2] for place in range(start, end + 1)}
    return len(whole) == 64 * components
