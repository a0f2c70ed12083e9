"""Reading, writing and resizing of pictures."""

import io
import os
from pathlib import Path

import numpy as np
import simplejpeg
from PIL import Image, JpegImagePlugin, PngImagePlugin

from ccc.core.decode import SUFFIXES, check_size, decoded, looks_like_picture, name_of, opened, page_count, picture_size  # noqa: F401
from ccc.core.errors import ImageError
from ccc.core.files import written_whole
from ccc.core.srgb import to_gray16, to_srgb
from ccc.core.stored import read_arrays, reading

SOFTWARE = 305  # tag of EXIF and TIFF for the program that wrote a picture
SOURCE = " --from "  # in a coloured picture's note, between the settings and the name of the source
AB = ".ab.npz"  # replaces a picture's suffix: file of a method's a and b


def read_rgb(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> np.ndarray:
    """Read a picture as a viewer shows it, in sRGB.

    `source`: a path, or the bytes of a picture file; `name`: its name in errors; `page`: index from 0, as counted by
    `ccc.core.decode.page_count`. Returns uint8 `(H, W, 3)`. Applies EXIF rotation and an embedded colour profile,
    composites transparency over white, and converts CMYK, palette, gray and 16-bit pictures. Raises ImageError as
    `ccc.core.decode.opened`, or with the `reason` "unsupported mode".
    """
    if page == 0 and isinstance(source, bytes) and (pixels := _plain_jpeg(source)) is not None:
        return pixels
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        rgb, opacity = to_srgb(image, name)
    return rgb if opacity is None else _over_white(rgb, opacity)


def _plain_jpeg(data: bytes) -> np.ndarray | None:
    """Decode a plain colour JPEG twice as fast as Pillow, to the same pixels; None for any other file.

    Plain: 8 bits, three components, complete, without EXIF block, profile or Adobe marker. Files about which libjpeg
    complains are left to Pillow, so that broken files are judged in one place.
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
    """As `read_rgb`, with the opacity returned separately instead of composited over white.

    Returns uint8 `(H, W, 3)`, white where fully transparent, and the opacity, uint8 `(H, W)`, 255 for opaque, or None
    if the picture has none. Raises as `read_rgb`.
    """
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        rgb, opacity = to_srgb(image, name)
    if opacity is not None:
        rgb[opacity == 0] = 255
    return rgb, opacity


def _over_white(rgb: np.ndarray, opacity: np.ndarray) -> np.ndarray:
    for start in range(0, len(rgb), 256):  # some rows at a time, so that a large picture is not in memory twice
        rows = slice(start, start + 256)
        image = Image.fromarray(np.dstack([rgb[rows], opacity[rows]]))
        white = Image.new("RGBA", image.size, "white")
        rgb[rows] = np.asarray(Image.alpha_composite(white, image).convert("RGB"))
    return rgb


def read_gray16(source: str | os.PathLike | bytes, name: str | None = None, page: int = 0) -> np.ndarray | None:
    """Gray levels of a picture with more than 8 bits of gray: uint16 `(H, W)`, 65535 for white.

    None for a picture in colour or of at most 8 bits. Parameters and errors as for `read_rgb`.
    """
    name = name or name_of(source)
    with decoded(source, name, page) as image:
        return to_gray16(image, name)


def write_png(path: str | os.PathLike, image: np.ndarray, software: str = "") -> None:
    """Write uint8 `(H, W, 3)` RGB, `(H, W, 4)` RGBA or `(H, W)` gray as PNG, atomically.

    `software`: a note on how the picture was made, stored in the file. Equal arguments give equal bytes.
    """
    text = PngImagePlugin.PngInfo()
    if software:
        text.add_itxt("Software", software)
    with written_whole(path) as temporary:
        Image.fromarray(np.ascontiguousarray(image)).save(temporary, format="PNG", compress_level=6, pnginfo=text)


def software(path: str | os.PathLike) -> str:
    """Note in a picture's file on how it was made, without its source; "" if there is none."""
    try:
        with opened(path) as image:
            note = image.info.get("Software") or image.getexif().get(SOFTWARE, "")
            return str(note).partition(SOURCE)[0]
    except ImageError:
        return ""


def ab_file(picture: str | os.PathLike) -> Path:
    """Path of a picture's a and b: `NAME.ab.npz` beside it, since `NAME.npz` may hold masks or boxes."""
    return Path(picture).with_suffix(AB)


def write_ab(picture: str | os.PathLike, ab: np.ndarray) -> None:
    """Write a and b, float `(H, W, 2)` in CIELAB units, as float16 to `ab_file`, atomically."""
    with written_whole(ab_file(picture)) as temporary, open(temporary, "wb") as file:
        np.savez_compressed(file, ab=ab.astype(np.float16))


def read_ab(picture: str | os.PathLike, height: int, width: int) -> np.ndarray | None:
    """Read what `write_ab` wrote for a picture: float32 `(height, width, 2)`; None if there is no file.

    Raises CCCError if the file holds no such array, or values that are not numbers from -1000 to 1000.
    """
    path = ab_file(picture)
    if not os.path.lexists(path):
        return None
    with reading(path, "holds no array `ab` of this picture", "delete it, or colour the picture again"):
        ab = read_arrays(path, {"ab"}, height * width * 2 * 8 + 4096)["ab"]  # float64 at most
        if ab.shape != (height, width, 2) or ab.dtype.kind != "f":
            raise ValueError(f"it must be float ({height}, {width}, 2), got {ab.dtype} {ab.shape}")
        if not (np.abs(ab) <= 1000).all():
            raise ValueError("it must be numbers in CIELAB units, at most 1000 either way")
        return ab.astype(np.float32)


def resize_short_side(rgb: np.ndarray, side: int, name: str = "picture") -> np.ndarray:
    """Scale uint8 `(H, W, 3)` so that its short side is `side` pixels (bicubic, antialiased); keeps the aspect ratio.

    Raises ImageError, "too large", if the result would exceed the memory limit (`ccc.core.decode.check_size`).
    """
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    width, height = max(round(width * scale), side), max(round(height * scale), side)
    check_size((width, height), 8, name)  # 4 bytes a pixel in Pillow, 3 in the result, and part of the intermediate
    return _resize(rgb, width, height)


def square(rgb: np.ndarray, side: int, fit: str = "crop") -> np.ndarray:
    """Resize uint8 `(H, W, 3)` to `(side, side, 3)`, bicubic with antialiasing.

    `fit`: "crop" takes the central square first; "stretch" changes the aspect ratio. Raises ValueError for another.
    """
    return _resize(framed(rgb, fit), side, side)


def framed(image: np.ndarray, fit: str) -> np.ndarray:
    """What of `(H, W, ...)` a square shows, a view: for `fit` "crop" the central square, for "stretch" all of it.

    Raises ValueError for another `fit`.
    """
    if fit == "stretch":
        return image
    if fit != "crop":
        raise ValueError(f'fit must be "crop" or "stretch", got {fit!r}')
    height, width = image.shape[:2]
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    return image[top : top + edge, left : left + edge]


def _resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BICUBIC))
