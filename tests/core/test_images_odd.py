"""Levels by the file's own depth and tags, profiles and gamma, pages, and what is refused: one table a kind."""

import io
import itertools
import re
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from odd_pictures import png, png_chunk, tiff
from PIL import Image, ImageCms

import ccc.core.decode
from ccc.core.decode import looks_like_picture, opened, page_count, picture_size
from ccc.core.errors import ImageError
from ccc.core.images import read_gray16, read_rgb, read_rgba

WIDTH, HEIGHT = 33, 20  # odd, so that rows of 1, 2, 4 and 12 bits end within a byte


@pytest.fixture(scope="module")
def rgb():
    from skimage.data import astronaut

    return np.asarray(Image.fromarray(astronaut()[:400, 60:500]).resize((WIDTH, HEIGHT)))


@pytest.fixture(scope="module")
def gray(rgb):
    return np.asarray(Image.fromarray(rgb).convert("L"))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def packed(levels: np.ndarray, bits: int) -> bytes:
    """Levels of `bits` bits, most significant first, each row to whole bytes."""
    spread = (levels[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(spread.reshape(len(levels), -1).astype(np.uint8), axis=1).tobytes()


def scaled(gray: np.ndarray, white: int) -> np.ndarray:
    return np.rint(gray.astype(np.float64) * white / 255).astype(np.int64)


# --- gray levels of TIFF ---

KINDS = {"i1": (8, 2, 127), "u1": (8, 1, 255), "u2": (16, 1, 65535), "i2": (16, 2, 32767)}
KINDS |= {"u4": (32, 1, 2**32 - 1), "i4": (32, 2, 2**31 - 1)}


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("photometric", "kind"), [(1, "i1"), *itertools.product((0, 1), [*KINDS][1:])])
def test_gray_tiff_of_any_depth_sign_and_order(gray, order, photometric, kind):
    bits, sign, white = KINDS[kind]
    levels = scaled(gray, white) if photometric else white - scaled(gray, white)
    data = tiff(levels.astype(order + kind).tobytes(), WIDTH, HEIGHT, (bits,), photometric, order, t339=sign)
    assert np.abs(read_rgb(data).astype(int) - gray[..., None]).max() <= (1 if kind == "i1" else 0)
    deep = read_gray16(data)
    assert deep is None if bits == 8 else np.abs(deep.astype(int) - gray.astype(int) * 257).max() <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("photometric", [0, 1])
@pytest.mark.parametrize("bits", [1, 2, 4, 12])
def test_packed_gray_tiff(gray, order, photometric, bits):
    white = 2**bits - 1
    levels = scaled(gray, white)
    data = tiff(packed(levels if photometric else white - levels, bits), WIDTH, HEIGHT, (bits,), photometric, order)
    assert (read_rgb(data) == scaled(levels / white * 255, 255)[..., None]).all()


@pytest.mark.parametrize("order", "<>")
def test_12_bits_in_words_of_16(gray, order):
    data = tiff(scaled(gray, 4095).astype(f"{order}u2").tobytes(), WIDTH, HEIGHT, (12,), 1, order)
    assert (read_rgb(data) == gray[..., None]).all()


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("photometric", [0, 1])
def test_fewer_bits_in_words_of_16_have_the_white_that_a_tag_names(gray, order, photometric, capsys):
    def of(white, **tags):
        levels = scaled(gray if photometric else 255 - gray, white).astype(f"{order}u2")
        return tiff(levels.tobytes(), WIDTH, HEIGHT, (16,), photometric, order, **tags)

    for white, tags in ((4095, {"t281": 4095}), (16383, {"t341": 16383}), (1023, {"t341": 1023, "t281": 9})):
        data = of(white, **tags)
        assert np.abs(read_rgb(data).astype(int) - gray[..., None]).max() <= (1 if white == 1023 else 0)
        assert np.abs(read_gray16(data).astype(int) - gray.astype(int) * 257).max() <= 33
    for tags in ({"t281": 4095}, {"t281": 60000}, {"t341": 0}):  # not obeyed: statistics, or levels are higher
        assert (read_rgb(of(65535, **tags)) == gray[..., None]).all()
    assert not capsys.readouterr().err
    for tags in ({}, {"t281": 4000}):
        dark = read_rgb(of(4095, **tags), f"scan{len(tags)}.tif")
        assert dark.max() <= 16 if photometric else dark.min() >= 239
        (line,) = capsys.readouterr().err.splitlines()
        assert f"scan{len(tags)}.tif: 16-bit levels that end at " in line and "of 12 bits" in line
        assert ("bright" if photometric == 0 else "dark") in line and "MaxSampleValue" in line


@pytest.mark.parametrize(("kind", "mode"), [("u2", "I;16"), ("i2", "I"), ("u4", "I")])
def test_compressed_big_endian_levels_are_in_order(gray, kind, mode, tmp_path):
    """libtiff gives this machine's order, and Pillow took the words of some kinds for the file's."""
    bits, sign, white = KINDS[kind]
    rows = scaled(gray, white).astype(f">{kind}")
    raw = tiff(zlib.compress(rows.tobytes()), WIDTH, HEIGHT, (bits,), 1, ">", t339=sign, t259=8)
    assert (read_rgb(raw) == gray[..., None]).all()


def test_gray_that_cannot_be_interpreted_says_what_it_is(gray):
    def of(kind, bits, sign=1, extra=(), photometric=1, levels=gray):
        bits = (bits,) * (1 + len(extra))
        more = {"t338": extra} if extra else {}
        pixels = np.repeat(levels.astype(kind), len(bits), axis=1)
        return tiff(pixels.tobytes(), WIDTH, HEIGHT, bits, photometric, t339=sign, **more)

    refused = {
        "floating-point pixels": of("<f4", 32, 3),
        "a TIFF of floating-point gray, 64 bits": of("<f8", 64, 3),
        "a TIFF of gray, 64 bits": of("<u8", 64),
        "a TIFF of gray, 16 \\+ 16 bits": of("<u2", 16, extra=(2,)),
        "a TIFF of signed min-is-white, 8 bits": of("i1", 8, 2, photometric=0, levels=gray // 2),
        "signed 16-bit levels below 0": of("<i2", 16, 2, levels=gray.astype(int) * 200 - 20000),
        "32-bit levels that end at .*: all would be black": of("<u4", 32),
    }
    for text, data in refused.items():
        with pytest.raises(ImageError, match=text) as caught:
            read_rgb(data)
        assert caught.value.reason == "unsupported mode" and "\n" not in str(caught.value)


# --- colours of TIFF ---


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_colours_of_8_and_16_bits_in_pixels_and_planes(rgb, order, planes, kind):
    levels = rgb.astype(int) * (257 if kind == "u2" else 1)
    pixels = levels if planes == 1 else levels.transpose(2, 0, 1)
    bits = (8 if kind == "u1" else 16,) * 3
    data = tiff(pixels.astype(order + kind).tobytes(), WIDTH, HEIGHT, bits, 2, order, t284=planes)
    assert (read_rgb(data) == rgb).all() and read_gray16(data) is None


def test_bigtiff(gray, rgb):
    assert (read_rgb(tiff(gray.tobytes(), WIDTH, HEIGHT, (8,), 1, bigtiff=True)) == gray[..., None]).all()
    assert (read_rgb(tiff(rgb.tobytes(), WIDTH, HEIGHT, (8, 8, 8), 2, bigtiff=True)) == rgb).all()
    with pytest.raises(ImageError, match="unsupported mode .a BigTIFF of big-endian order"):
        read_rgb(tiff(gray.tobytes(), WIDTH, HEIGHT, (8,), 1, ">", bigtiff=True))


def test_lab_and_ycbcr_tiff(rgb):
    to_lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
    lab = saved(ImageCms.applyTransform(Image.fromarray(rgb), to_lab), "TIFF")
    assert np.abs(read_rgb(lab).astype(int) - rgb).mean() < 3  # 8 bits of Lab are coarse
    assert np.abs(read_rgb(saved(Image.fromarray(rgb).convert("YCbCr"), "TIFF")).astype(int) - rgb).max() <= 3


def test_16_bit_picture_turned_by_its_orientation(gray):
    levels = scaled(gray, 65535).astype("<u2")
    data = tiff(levels.tobytes(), WIDTH, HEIGHT, (16,), 0, t274=6)
    assert (read_gray16(data) == np.rot90(65535 - levels, -1)).all()
    assert picture_size(data) == (HEIGHT, WIDTH) == read_rgb(data).shape[1::-1]
    turned = Image.Exif()
    turned[0x0112] = 6
    data = saved(Image.fromarray(levels), "PNG", exif=turned)
    assert (read_gray16(data) == np.rot90(levels, -1)).all() and picture_size(data) == (HEIGHT, WIDTH)


# --- PNG: depth, transparency, profile, gamma ---


def linear_gray_profile() -> bytes:
    """An ICC profile of gray whose levels are light (ICC.1:2001-04)."""
    white = struct.pack(">3i", *(round(number * 65536) for number in (0.9642, 1, 0.8249)))
    curve, point = b"curv" + bytes(8), b"XYZ " + bytes(4) + white
    head = struct.pack(">I", 156 + len(curve) + len(point)) + b"\0\0\0\0\x02\x40\0\0mntrGRAYXYZ " + bytes(12) + b"acsp"
    tags = struct.pack(">I4sII4sII", 2, b"kTRC", 156, len(curve), b"wtpt", 156 + len(curve), len(point))
    return (head + bytes(28) + white).ljust(128, b"\0") + tags + curve + point


def in_srgb(light: np.ndarray) -> np.ndarray:
    """Light from 0 to 1 as sRGB's levels from 0 to 255 (IEC 61966-2-1)."""
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def modes_of_gray(gray) -> dict[str, Image.Image]:
    opaque = Image.fromarray(np.full_like(gray, 255))
    whole = Image.fromarray(gray)
    return {
        "L": whole,
        "LA": Image.merge("LA", (whole, opaque)),
        "P": whole.convert("P"),
        "I;16": Image.fromarray(scaled(gray, 65535).astype(np.uint16)),
    }


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
@pytest.mark.parametrize("mode", ["L", "LA", "P", "I;16"])
def test_a_gray_profile_holds_for_gray_of_every_mode(gray, mode, kind):
    data = saved(modes_of_gray(gray)[mode], kind, icc_profile=linear_gray_profile())
    assert np.abs(read_rgb(data) - in_srgb(gray / 255)[..., None]).max() < 0.6
    if mode == "I;16":
        assert np.abs(read_gray16(data) - 257 * in_srgb(gray / 255)).max() < 3


def test_a_gray_profile_holds_beside_a_transparent_level(gray):
    level = int(gray[0, 0])
    rgb, opacity = read_rgba(saved(Image.fromarray(gray), "PNG", transparency=level, icc_profile=linear_gray_profile()))
    assert (opacity == np.where(gray == level, 0, 255)).all()
    seen = opacity == 255
    assert np.abs(rgb[seen] - in_srgb(gray[seen] / 255)[:, None]).max() < 1.5


def gamma(value: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(value * 100_000)))


def rows_of(pixels: np.ndarray) -> bytes:
    return b"".join(b"\0" + row.tobytes() for row in pixels)


@pytest.mark.parametrize("color", [0, 2])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("value", [1.0, 0.25])
def test_a_png_gamma_is_applied(rgb, gray, color, depth, value):
    levels = rgb if color else gray
    stored = (levels.astype(int) * 257).astype(">u2") if depth == 16 else levels
    data = png(WIDTH, HEIGHT, depth, color, rows_of(stored), gamma(value))
    expected = in_srgb((levels / 255) ** (1 / value))
    assert np.abs(read_rgb(data) - (expected if color else expected[..., None])).max() < 0.6


def test_a_png_gamma_that_says_nothing_new_or_is_outvoted_changes_nothing(rgb):
    srgb = png_chunk(b"sRGB", b"\0")
    named = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = png_chunk(b"iCCP", b"name\0\0" + zlib.compress(named))
    for chunks in ([gamma(0.45455)], [gamma(1), srgb], [gamma(1), profile], [gamma(0)]):
        assert (read_rgb(png(WIDTH, HEIGHT, 8, 2, rows_of(rgb), *chunks)) == rgb).all()


@pytest.mark.parametrize("depth", [1, 2, 4])
def test_png_gray_of_few_bits(gray, depth):
    levels = scaled(gray, 2**depth - 1)
    width = -(-WIDTH * depth // 8)
    rows = np.frombuffer(packed(levels, depth), np.uint8).reshape(HEIGHT, width)
    assert (read_rgb(png(WIDTH, HEIGHT, depth, 0, rows_of(rows))) == levels[..., None] * (255 // (2**depth - 1))).all()


def test_png_of_16_bits_with_transparency(gray, rgb):
    alpha = np.full_like(gray, 255)
    alpha[0, 0] = 0
    for color, planes in ((4, [gray, alpha]), (6, [*rgb.transpose(2, 0, 1), alpha])):
        pixels = (np.stack(planes, axis=-1).astype(int) * 257).astype(">u2")
        found, opacity = read_rgba(png(WIDTH, HEIGHT, 16, color, rows_of(pixels)))
        assert (opacity == alpha).all()
        assert (found[alpha == 255] == (rgb if color == 6 else gray[..., None])[alpha == 255]).all()


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_the_transparent_level_of_a_gray_png_is_of_its_depth(depth):
    levels = np.array([[0, 1, 2**depth - 1, 0, 1]], np.int64)
    rows = b"\0" + packed(levels, depth)
    _, opacity = read_rgba(png(5, 1, depth, 0, rows, png_chunk(b"tRNS", struct.pack(">H", 1))))
    assert (opacity == np.where(levels == 1, 0, 255)).all()


@pytest.mark.parametrize("depth", [8, 16])
def test_the_transparent_colour_of_a_png_is_of_its_depth(depth):
    colors = np.array([[[129, 64, 32], [129, 129, 129], [0, 0, 0], [128, 64, 32]]])
    stored = colors * 256 if depth == 16 else colors  # 16 bits whose lower half is that of black
    chunk = png_chunk(b"tRNS", struct.pack(">3H", *stored[0, 0]))
    _, opacity = read_rgba(png(4, 1, depth, 2, rows_of(stored.astype(f">u{depth // 8}")), chunk))
    assert opacity.tolist() == [[0, 255, 255, 255]]


# --- other models and files ---


def test_adobe_cmyk_jpeg_and_cmyk_tiff(rgb):
    plain = Image.fromarray(rgb).convert("CMYK")
    for kind in ("JPEG", "TIFF"):  # Pillow writes the JPEG inverted, with Adobe's marker
        assert np.abs(read_rgb(saved(plain, kind, quality=100)).astype(int) - rgb).mean() < 3


def test_text_and_profile_beyond_a_megabyte(rgb):
    text = png_chunk(b"zTXt", b"prompt\0\0" + zlib.compress(b"x" * 3_000_000))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    large = png_chunk(b"iCCP", b"name\0\0" + zlib.compress(profile.ljust(2_000_000, b"\0")))
    for chunk in (text, large):
        assert (read_rgb(png(WIDTH, HEIGHT, 8, 2, rows_of(rgb), chunk)) == rgb).all()


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"quality": 100, "subsampling": 0}])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_without_its_end_mark_is_whole_and_one_without_rows_is_not(rgb, mode, options):
    photograph = Image.fromarray(rgb).resize((160, 120)).convert(mode)
    whole = saved(photograph, "JPEG", **options)
    for cut in (whole[:-2], whole[:-1]):
        assert (read_rgb(cut) == read_rgb(whole)).all()
    for share in (0.5, 0.8, 0.95):
        with pytest.raises(ImageError) as caught:
            read_rgb(whole[: int(len(whole) * share)])
        assert caught.value.reason == "truncated"


def test_a_progressive_jpeg_without_its_last_scans_is_truncated(rgb):
    whole = saved(Image.fromarray(rgb).resize((160, 120)), "JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", whole)]
    assert len(scans) > 5
    for cut in range(scans[1], len(whole) - 2):  # among them each end of a scan, where libjpeg sees nothing amiss
        with pytest.raises(ImageError, match="truncated"):
            read_rgb(whole[:cut])


def test_animated_palette_with_transparency(rgb):
    frames = [Image.fromarray(rgb).convert("P"), Image.fromarray(255 - rgb).convert("P")]
    for kind in ("GIF", "PNG"):
        data = saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
        assert page_count(data) == 2
        for page, frame in enumerate(frames):
            assert np.abs(read_rgb(data, page=page).astype(int) - np.asarray(frame.convert("RGB"))).mean() < 2


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "AVIF", "MPO"])
def test_pages_and_frames(rgb, kind):
    pictures = [Image.fromarray(part).resize((64, 48)) for part in (rgb, 255 - rgb, rgb[::-1])]
    data = saved(pictures[0], kind, save_all=True, append_images=pictures[1:], quality=95)
    assert page_count(data) == 3 and looks_like_picture(data[:32])
    for page, picture in enumerate(pictures):
        assert np.abs(read_rgb(data, page=page).astype(int) - np.asarray(picture)).mean() < 6
    with pytest.raises(ImageError, match="page 4 of 3"):
        read_rgb(data, page=3)


def test_a_reduced_copy_in_a_tiff_is_no_page(rgb):
    small = Image.fromarray(rgb).resize((8, 8))
    small.encoderinfo = {"tiffinfo": {254: 1}}
    data = saved(Image.fromarray(rgb), "TIFF", save_all=True, append_images=[small])
    assert page_count(data) == 1
    with opened(data) as image:
        assert image.n_frames == 2


# --- what is a picture ---


def test_every_kind_is_known_by_its_content(rgb):
    image = Image.fromarray(rgb)
    for kind in ("JPEG", "PNG", "TIFF", "WEBP", "GIF", "AVIF", "JPEG2000", "BMP", "PPM"):
        assert looks_like_picture(saved(image, kind)[:32]), kind
    assert looks_like_picture(tiff(rgb.tobytes(), WIDTH, HEIGHT, (8, 8, 8), 2, bigtiff=True)[:32])
    texts = ("", "Pyramids", "BMW and others", "%!PS-Adobe-3.0", "MM", "<svg>", "RIFF....AVI LIST", "....ftypisom")
    assert not [text for text in texts if looks_like_picture(text.encode())]


def test_no_program_is_started_for_a_picture(tmp_path):
    for name in ("page.eps", "mask.png"):
        (tmp_path / name).write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n")
        with pytest.raises(ImageError, match="not a picture"):
            read_rgb(tmp_path / name)


def test_tga_is_known_by_its_suffix(rgb, tmp_path):
    (tmp_path / "picture.tga").write_bytes(saved(Image.fromarray(rgb), "TGA"))
    assert (read_rgb(tmp_path / "picture.tga") == rgb).all()
    with pytest.raises(ImageError, match="not a picture"):
        read_rgb((tmp_path / "picture.tga").read_bytes())


def test_heic_with_its_extra_and_without(rgb, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic`")
    file = io.BytesIO()
    pillow_heif.from_pillow(Image.fromarray(rgb).resize((160, 120))).save(file, quality=95)
    data = file.getvalue()
    assert looks_like_picture(data[:32])
    assert np.abs(read_rgb(data).astype(int) - np.asarray(Image.fromarray(rgb).resize((160, 120)))).mean() < 4
    monkeypatch.setattr(ccc.core.decode, "_reads_heic", lambda: False)
    with pytest.raises(ImageError, match=r'HEIC: pip install "color-classified-colorization\[heic\]"'):
        read_rgb(data)


# --- memory ---


MEMORY = """
import io, resource, sys
import numpy as np
from PIL import Image
from ccc.core.images import read_rgb
image = Image.new(sys.argv[1], (6000, 5000))
file = io.BytesIO()
image.save(file, "PNG", compress_level=1, **({"icc_profile": bytes.fromhex(sys.argv[2])} if len(sys.argv) > 2 else {}))
del image
base = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (base + 30_000_000 * 12,) * 2)
assert read_rgb(file.getvalue()).shape == (5000, 6000, 3)
"""


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16", "L"])
def test_30_megapixels_take_no_more_than_12_bytes_each(mode):
    profile = [linear_gray_profile().hex()] if mode == "L" else []
    subprocess.run([sys.executable, "-c", MEMORY, mode, *profile], check=True, timeout=120)
