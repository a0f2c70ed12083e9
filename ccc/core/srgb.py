"""Conversion of decoded pixels of any depth, colour model and profile to sRGB."""

import contextlib
import functools
import io
import struct
from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image, ImageCms, ImageOps
from PIL.TiffImagePlugin import TiffImageFile

from ccc.core.errors import ImageError, write_line

_SRGB = ImageCms.createProfile("sRGB")
_NAMED_SRGB = {"sRGB", "sRGB built-in", "sRGB IEC61966-2.1", "sRGB IEC61966-2-1"}  # not "Linear sRGB"
_DEEP = ("I;16", "I;16L", "I;16B", "I")  # Pillow's modes of more than 8 bits of gray
_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")
_WHITES = {(1 << bits) - 1 for bits in range(9, 16)}
_STRIP = 1 << 22  # pixels converted at once, so that a large picture is not in memory three times


def to_srgb(image: Image.Image, name: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Convert a decoded picture, rotated upright, to sRGB: uint8 `(H, W, 3)`, and its opacity, uint8 `(H, W)`, or None.

    Scales gray of more than 8 bits by the file's bit depth and sign, and inverts min-is-white. Applies an ICC profile
    that fits the colour model, else a PNG's gAMA. Raises ImageError, "unsupported mode", for floating-point pixels,
    levels below zero, and 32-bit levels so small that all would be black.
    """
    if image.mode == "F":
        raise ImageError(name, "unsupported mode", "floating-point pixels; save it with 8 or 16 bits")
    _turn_upright(image)
    rgb = np.empty((image.height, image.width, 3), np.uint8)
    has_opacity = "transparency" in image.info or image.mode in _ALPHA
    opacity = np.empty(rgb.shape[:2], np.uint8) if has_opacity else None
    if image.mode in _DEEP or _is_signed(image):
        clear = image.info.get("transparency")
        for rows, strip, levels in _deep_strips(image, name):
            rgb[rows] = _EIGHT_BITS[levels][..., None]
            if opacity is not None:
                opacity[rows] = np.where(np.asarray(strip) == clear, 0, 255)
    else:
        to_rgb = _converter(image)
        for rows, strip in _strips(image):
            rgb[rows] = np.asarray(to_rgb(strip))
            if opacity is not None:
                opacity[rows] = np.asarray(_straight(strip).convert("RGBA").getchannel("A"))
    return rgb, opacity


def to_gray16(image: Image.Image, name: str) -> np.ndarray | None:
    """Gray levels in sRGB, uint16 `(H, W)`, of a decoded picture of more than 8 bits of gray; else None.

    Raises as `to_srgb`.
    """
    if image.mode not in _DEEP:
        return None
    _turn_upright(image)
    gray = np.empty((image.height, image.width), np.uint16)
    for rows, _, levels in _deep_strips(image, name):
        gray[rows] = levels
    return gray


# --- gray of more than 8 bits ---

_EIGHT_BITS = ((np.arange(65536) + 128) // 257).astype(np.uint8)


def _deep_strips(image: Image.Image, name: str) -> Iterator[tuple[slice, Image.Image, np.ndarray]]:
    """Yield rows, the strip as stored, and its levels in sRGB gray, uint16."""
    bits, signed, inverted = 16, False, False
    if isinstance(image, TiffImageFile):
        bits, signed, inverted = image.tag_v2.get(258, (1,))[0], _is_signed(image), image.tag_v2.get(262) == 0
    white = (1 << bits - signed) - 1
    if bits == 16 and not signed:
        white = _declared_white(image) or white
    table = _gray_table(image, 65536)
    largest = 0
    for rows, strip in _strips(image):
        stored = np.asarray(strip)
        if bits == 32 and not signed:
            stored = stored.view(np.uint32)
        elif bits == 8:
            stored = stored.view(np.int8)
        if signed and stored.min() < 0:
            raise ImageError(name, "unsupported mode", f"signed {bits}-bit levels below 0; save it unsigned")
        largest = max(largest, int(stored.max()))
        if white == 65535:
            levels = np.minimum(stored, 65535).astype(np.uint16)
        else:
            levels = np.rint(np.minimum(stored, white) * (65535 / white)).astype(np.uint16)
        if inverted:
            levels = 65535 - levels
        yield rows, strip, levels if table is None else table[levels]
    if bits == 16 and white > 4095 >= largest > 0:
        bits_used, seen = largest.bit_length(), "bright" if inverted else "dark"
        _warn_once(
            f"warning: {name}: 16-bit levels that end at {largest}, as of a scan of {bits_used} bits, come out {seen}: "
            "save them scaled to 65535, or as TIFF with the tag MaxSampleValue"
        )
    if bits == 32 and 0 < largest < white / 510:  # not one level of 8 bits
        text = f"{bits}-bit levels that end at {largest}, of {white}: all would be {'white' if inverted else 'black'}"
        raise ImageError(name, "unsupported mode", f"{text}; save it with 16 bits")


def _declared_white(image: Image.Image) -> int | None:
    """White level, 511 to 32767, of fewer than 16 bits in 16-bit words by the tag S/MaxSampleValue; None without it.

    TIFF 6.0 defines these tags as statistics, so a value counts only if it is the white of a bit depth and no level
    is higher.
    """
    tags = image.tag_v2 if isinstance(image, TiffImageFile) else {}
    white = tags.get(341, tags.get(281))
    white = white[0] if isinstance(white, tuple) else white
    return white if white in _WHITES and int(np.asarray(image).max()) <= white else None


_warn_once = functools.lru_cache(1)(write_line)  # the levels of a picture are read twice, for 8 bits and for 16


def _is_signed(image: Image.Image) -> bool:
    return isinstance(image, TiffImageFile) and image.tag_v2.get(339, (1,))[0] == 2 and image.mode in ("L", *_DEEP)


def _gray_table(image: Image.Image, count: int) -> np.ndarray | None:
    """sRGB gray, uint16, of each of `count` levels; None if the picture has neither gray profile nor gamma."""
    profile = _profile(image, "GRAY")
    if profile is not None:
        ramp = Image.fromarray(np.linspace(0, 65535, count).astype(np.uint16)[None])
        with contextlib.suppress(ImageCms.PyCMSError):
            target = ImageCms.ImageCmsProfile(io.BytesIO(_gray_profile()))
            exact = ImageCms.Flags.NOOPTIMIZE  # else lcms interpolates linearly: dark levels are off by 10
            return np.asarray(ImageCms.profileToProfile(ramp, profile, target, outputMode="I;16", flags=exact))[0]
    gamma = _gamma(image)
    return None if gamma is None else np.rint(_encoded(np.linspace(0, 1, count), gamma) * 65535).astype(np.uint16)


@functools.cache
def _gray_profile() -> bytes:
    """Gray ICC profile (ICC.1:2001-04, version 4 for its parametric curve) with sRGB's transfer curve."""
    fixed = lambda *numbers: struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))  # noqa: E731
    white = fixed(0.9642, 1, 0.8249)  # D50
    curve = b"para\0\0\0\0\0\3\0\0" + fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    point = b"XYZ \0\0\0\0" + white
    start = 128 + 4 + 2 * 12
    head = struct.pack(">I", start + len(curve) + len(point)) + b"\0\0\0\0\x04\0\0\0mntrGRAYXYZ " + bytes(12) + b"acsp"
    tags = struct.pack(">I4sII4sII", 2, b"kTRC", start, len(curve), b"wtpt", start + len(curve), len(point))
    return (head + bytes(28) + white).ljust(128, b"\0") + tags + curve + point


# --- everything else ---


def _converter(image: Image.Image) -> Callable[[Image.Image], Image.Image]:
    """Function that converts a strip of the picture to sRGB, mode RGB."""
    mode = _opaque(image.crop((0, 0, 1, 1)), image).mode
    if mode == "L":
        levels = _gray_table(image, 256)
        if levels is None:
            return lambda strip: _opaque(strip, image).convert("RGB")
        shown = _EIGHT_BITS[levels].tolist()
        return lambda strip: _opaque(strip, image).point(shown).convert("RGB")
    profile = _profile(image, {"LAB": "Lab"}.get(mode, mode))
    source = profile or (ImageCms.createProfile("LAB") if mode == "LAB" else None)
    if source is not None and not (mode == "RGB" and profile and _is_srgb(profile)):
        with contextlib.suppress(ImageCms.PyCMSError, ValueError):  # a broken profile: viewers ignore it
            transform = ImageCms.buildTransform(source, _SRGB, mode, "RGB")
            return lambda strip: ImageCms.applyTransform(_opaque(strip, image), transform)  # ty: ignore[invalid-explicit-return]
    gamma = _gamma(image)
    if gamma is None:
        return lambda strip: _opaque(strip, image).convert("RGB")
    table = np.rint(_encoded(np.arange(256) / 255, gamma) * 255).astype(int).tolist()
    return lambda strip: _opaque(strip, image).convert("RGB").point(table * 3)


def _opaque(strip: Image.Image, image: Image.Image) -> Image.Image:
    """The strip without transparency and palette, in the picture's colour model."""
    if strip.mode in ("P", "PA"):
        return strip.convert("L" if _profile(image, "GRAY") and _is_gray(image) else "RGB")
    strip = _straight(strip)
    return strip.convert({"1": "L", "LA": "L", "RGBA": "RGB", "RGBX": "RGB"}.get(strip.mode, strip.mode))


def _straight(strip: Image.Image) -> Image.Image:
    """The strip with straight instead of premultiplied alpha."""
    return strip.convert({"La": "LA", "RGBa": "RGBA"}[strip.mode]) if strip.mode in ("La", "RGBa") else strip


def _is_gray(image: Image.Image) -> bool:
    colors = np.array(image.getpalette("RGB")).reshape(-1, 3)
    return bool((colors == colors[:, :1]).all())


# --- profile, gamma and orientation ---


def _profile(image: Image.Image, space: str) -> ImageCms.ImageCmsProfile | None:
    """The picture's ICC profile; None if it has none, a broken one, or one of another colour model than `space`."""
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        if data := image.info.get("icc_profile"):
            profile = ImageCms.ImageCmsProfile(io.BytesIO(data))
            return profile if profile.profile.xcolor_space.strip() == space.strip() else None
    return None


def _is_srgb(profile: ImageCms.ImageCmsProfile) -> bool:
    try:
        return ImageCms.getProfileDescription(profile).strip() in _NAMED_SRGB
    except ImageCms.PyCMSError:
        return False


def _gamma(image: Image.Image) -> float | None:
    """A PNG's gAMA if it differs from sRGB's and no chunk takes precedence (PNG 3, 11.3.2); else None."""
    gamma = image.info.get("gamma")
    if not gamma or {"srgb", "icc_profile"} & set(image.info) or abs(gamma * 2.2 - 1) < 0.05:  # as libpng's threshold
        return None
    return gamma


def _encoded(levels: np.ndarray, gamma: float) -> np.ndarray:
    """Convert levels in [0, 1], which are light to the power `gamma`, to sRGB (IEC 61966-2-1)."""
    light = levels ** (1 / gamma)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _turn_upright(image: Image.Image) -> None:
    """Rotate a picture in place by its EXIF or XMP orientation; Pillow has already rotated a TIFF."""
    with contextlib.suppress(Exception):  # a broken EXIF block does not affect the pixels
        ImageOps.exif_transpose(image, in_place=True)


def _strips(image: Image.Image) -> Iterator[tuple[slice, Image.Image]]:
    """Yield a picture in strips of rows; one strip if it is of usual size."""
    height = max(_STRIP // image.width, 1)
    if height >= image.height:
        yield slice(0, image.height), image
        return
    for top in range(0, image.height, height):
        bottom = min(top + height, image.height)
        yield slice(top, bottom), image.crop((0, top, image.width, bottom))
