"""Pictures: robust reading, writing and resizing."""

import io
import os
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, JpegImagePlugin, PngImagePlugin

from ccc.core.decode import SUFFIXES, check_size, decoded, looks_like_picture, name_of, opened, page_count, picture_size  # noqa: F401
from ccc.core.errors import CCCError, ImageError
from ccc.core.files import written_whole
from ccc.core.srgb import to_gray16, to_srgb
from ccc.core.stored import read_arrays

SOFTWARE = 305  # the tag of EXIF and TIFF for the program that made a picture
SOURCE = " --from "  # in the note of a coloured picture, between how it was made and what of, which is each one's own
AB = ".ab.npz"  # in place of a picture's suffix: the a and b that a method gave it


def read_rgb(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> np.ndarray:
    """Read a picture as a viewer shows it, in sRGB.

    `source`: a path, or the bytes of a picture file; `name`: what to call it in errors; `page`: which of several, from
    0 (`ccc.core.decode.page_count`). Returns uint8 `(H, W, 3)`. EXIF rotation is applied, an embedded colour profile
    converted, transparency laid over white, CMYK, palette, gray and 16-bit pictures converted. Raises ImageError as
    `ccc.core.decode.opened`, or with the `reason` "unsupported mode".
    """
    if page == 0 and isinstance(source, bytes) and (pixels := _plain_jpeg(source)) is not None:
        return pixels
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        rgb, opacity = to_srgb(image, name)
    return rgb if opacity is None else _over_white(rgb, opacity)


def _plain_jpeg(data: bytes) -> np.ndarray | None:
    """Pixels of a usual colour JPEG, by a decoder twice as fast as Pillow; None where it is anything else.

    Usual: 8 bits, three components, no EXIF block, profile or Adobe marker, whole. Whatever makes libjpeg complain is
    left to Pillow, so that there is one judge of broken files. Both give the same pixels.
    """
    try:
        header = JpegImagePlugin.JpegImageFile(io.BytesIO(data))
        unusual = {"APP1", "APP2", "APP14"} & {marker for marker, _ in header.applist}
        if header.mode != "RGB" or unusual:
            return None
        check_size(header.size, 8, "picture")
        return simplejpeg.decode_jpeg(data)
    except (OSError, SyntaxError, ValueError, ImageError):
        return None


def read_rgba(
    source: str | os.PathLike | bytes, name: str | None = None, page: int = 0
) -> tuple[np.ndarray, np.ndarray | None]:
    """As `read_rgb`, with the transparency kept apart and not laid over white.

    Returns uint8 `(H, W, 3)`, white where nothing can be seen, and the opacity, uint8 `(H, W)`, 255 for opaque; None
    where the picture has none. Raises as `read_rgb`.
    """
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        rgb, opacity = to_srgb(image, name)
    if opacity is not None:
        rgb[opacity == 0] = 255
    return rgb, opacity


def _over_white(rgb: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    for start in range(0, len(rgb), 256):  # rows at a time: a large picture is not held twice
        rows = slice(start, start + 256)
        image = Image.fromarray(np.dstack([rgb[rows], opacity[rows]]))
        white = Image.new("RGBA", image.size, "white")
        rgb[rows] = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    return rgb


def read_gray16(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> np.ndarray | None:
    """The gray levels of a picture that has more than 8 bits of gray, as `read_rgb`: uint16 `(H, W)`, 65535 for white.

    None where the picture has colours, or 8 bits or fewer. Raises as `read_rgb`.
    """
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        return to_gray16(image, name)


def write_png(path: str | os.PathLike, image: np.ndarray, software: str = "") -> None:
    """Write uint8 `(H, W, 3)` RGB, `(H, W, 4)` RGBA or `(H, W)` gray as PNG, whole or not at all.

    `software`: a note on how the picture was made, kept in the file. Equal arguments give equal bytes.
    """
    text = PngImagePlugin.PngInfo()
    if software:
        text.add_itxt("Software", software)
    with written_whole(path) as aside:
        Image.fromarray(np.ascontiguousarray(image)).save(aside, format="PNG", compress_level=6, pnginfo=text)


def software(path: str | os.PathLike) -> str:
    """The note on how a picture was made that its file keeps, without what it was made of; "" where there is none."""
    try:
        with opened(path) as image:
            said = image.info.get("Software") or image.getexif().get(SOFTWARE, "")
            return str(said).partition(SOURCE)[0]
    except ImageError:
        return ""


def ab_file(picture: str | os.PathLike) -> Path:
    """Where the a and b of a picture lie: `NAME.ab.npz` beside it, since `NAME.npz` may hold masks or boxes."""
    return Path(picture).with_suffix(AB)


def write_ab(picture: str | os.PathLike, ab: np.ndarray) -> None:
    """Write a and b, float `(H, W, 2)` in CIELAB units, as float16 into `ab_file`, whole or not at all."""
    with written_whole(ab_file(picture)) as aside, open(aside, "wb") as file:
        np.savez_compressed(file, ab=ab.astype(np.float16))


def read_ab(picture: str | os.PathLike, height: int, width: int) -> np.ndarray | None:
    """What `write_ab` wrote beside a picture: float32 `(height, width, 2)`; None where there is nothing.

    Raises CCCError where the file holds no such array, or values that are no numbers or beyond 1000 either way.
    """
    path = ab_file(picture)
    if not os.path.lexists(path):
        return None
    remedy = "delete it, or colour the picture again"
    try:
        ab = read_arrays(path, {"ab"}, height * width * 2 * 8 + 4096)["ab"]  # float64 at most
    except (ValueError, KeyError) as error:
        raise CCCError(f"{path}: holds no array `ab` ({error}); {remedy}") from None
    if ab.shape != (height, width, 2) or ab.dtype.kind != "f":
        raise CCCError(f"{path}: `ab` must be float ({height}, {width}, 2), got {ab.dtype} {ab.shape}; {remedy}")
    if not (np.abs(ab) <= 1000).all():
        raise CCCError(f"{path}: `ab` must be numbers in CIELAB units, at most 1000 either way; {remedy}")
    return ab.astype(np.float32)


def resize_short_side(rgb: np.ndarray, side: int, name: str = "picture") -> np.ndarray:
    """Scale uint8 `(H, W, 3)` so that its short side is `side` pixels (bicubic, antialiased); keeps the aspect.

    Raises ImageError, "too large", for a picture `name` so long that the result would be more than the limit that holds
    for reading (`ccc.core.decode.check_size`).
    """
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    width, height = max(round(width * scale), side), max(round(height * scale), side)
    check_size((width, height), 8, name)  # Pillow's copy of 4 bytes a pixel, the result of 3, and some of the way
    return _resize(rgb, width, height)


def square(rgb: np.ndarray, side: int, fit: str = "crop") -> np.ndarray:
    """Bring uint8 `(H, W, 3)` to `(side, side, 3)`, bicubic with antialiasing.

    `fit`: "crop" takes the central square first and keeps shapes; "stretch" does not crop and changes the aspect.
    A picture of 256x256, as in Places365, is the same either way. Raises ValueError for another `fit`.
    """
    if fit == "crop":
        rgb = central_square(rgb)
    elif fit != "stretch":
        raise ValueError(f'fit must be "crop" or "stretch", got {fit!r}')
    return _resize(rgb, side, side)


def central_square(image: np.ndarray) -> np.ndarray:
    """The largest square in the middle of `(H, W, ...)`, a view."""
    height, width = image.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return image[top : top + edge, left : left + edge]


def _resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BICUBIC))
