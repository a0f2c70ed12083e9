"""Every kind of picture gets the right pixels or one clear line."""

import errno
import io
import os
import re
import struct
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from odd_pictures import bomb
from PIL import Image, ImageCms, PngImagePlugin

import ccc.core.images
from ccc.cli import main
from ccc.color import read_gray
from ccc.core.decode import opened
from ccc.core.errors import ImageError
from ccc.core.files import written_whole
from ccc.core.images import read_rgb, read_rgba, resize_short_side, square, write_png
from ccc.data.sources import Source


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def photograph(astronaut):
    return Image.fromarray(astronaut[:200, 100:400])


def test_jpeg_and_png(photograph):
    assert (read_rgb(saved(photograph, "PNG")) == np.asarray(photograph)).all()
    jpeg = read_rgb(saved(photograph, "JPEG", quality=95)).astype(int)
    assert np.abs(jpeg - np.asarray(photograph)).mean() < 3


def test_cmyk_jpeg(photograph):
    read = read_rgb(saved(photograph.convert("CMYK"), "JPEG", quality=100, subsampling=0)).astype(int)
    assert np.abs(read - np.asarray(photograph)).mean() < 3


def test_16_bit_gray_png_keeps_its_range():
    levels = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(4, axis=0)
    read = read_rgb(saved(Image.fromarray(levels), "PNG"))
    assert (read == np.arange(256)[None, :, None]).all()


def test_palette_with_transparency_lies_over_white():
    image = Image.new("P", (4, 4), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((0, 0), 1)
    read = read_rgb(saved(image, "PNG", transparency=0))
    assert read[0, 0].tolist() == [0, 0, 255] and read[1, 1].tolist() == [255, 255, 255]


def test_half_transparent_pixels_are_blended_with_white():
    read = read_rgb(saved(Image.new("RGBA", (2, 2), (0, 0, 0, 128)), "PNG"))
    assert np.abs(read.astype(int) - 127).max() <= 1


def test_1x1():
    assert read_rgb(saved(Image.new("RGB", (1, 1), (9, 8, 7)), "PNG")).tolist() == [[[9, 8, 7]]]


def test_exif_rotation_is_applied(photograph):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise
    read = read_rgb(saved(photograph, "JPEG", exif=exif, quality=95)).astype(int)
    assert read.shape == (300, 200, 3)
    assert np.abs(read - np.rot90(np.asarray(photograph), -1)).mean() < 3


def test_an_embedded_profile_is_converted():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    image = Image.new("RGB", (8, 8), (200, 30, 40))
    assert (read_rgb(saved(image, "PNG", icc_profile=profile)) == np.asarray(image)).all()
    assert (read_rgb(saved(image, "PNG", icc_profile=b"broken")) == np.asarray(image)).all()


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty file"), (b"This is no picture.", "not a picture"), (b"\xff\xd8\xff\xe0 nor this", "unreadable")],
)
def test_what_is_no_picture_says_so(data, reason, tmp_path):
    path = tmp_path / "text.jpg"
    path.write_bytes(data)
    for given in (path, data):
        with pytest.raises(ImageError) as caught:
            read_rgb(given, "text.jpg")
        assert caught.value.reason == reason and str(caught.value).startswith("text.jpg: ")


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EIO, errno.ESTALE, None])
def test_what_is_the_machines_fault_is_no_broken_picture(number, tmp_path, monkeypatch, capsys):
    """A photograph that cannot be read now must not be left out of a set as a broken one is."""
    write_png(tmp_path / "in/a.png", np.zeros((64, 64, 3), np.uint8))
    error = MemoryError() if number is None else OSError(number, os.strerror(number))
    monkeypatch.setattr(PngImagePlugin.PngImageFile, "load", Mock(side_effect=error))
    assert main(["prepare", str(tmp_path / "in"), "-n", "all", "-o", str(tmp_path / "set")]) == 2
    line = capsys.readouterr().err
    assert ("out of memory; " if number is None else f"a.png: {os.strerror(number)}\n") in line
    monkeypatch.undo()
    monkeypatch.setattr("ccc.data.sources.open", Mock(side_effect=error), raising=False)
    if number:
        with pytest.raises(OSError, match=r"a\.png"):
            list((source := Source(tmp_path / "in")).read(source.entries()))
    monkeypatch.undo()
    for broken in (OSError("broken data stream"), OSError(errno.EINVAL, "before the start"), IndexError()):
        with pytest.raises(ImageError), opened(tmp_path / "in/a.png"):
            raise broken


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_truncated(photograph, kind):
    data = saved(photograph, kind)
    with pytest.raises(ImageError) as caught:
        read_rgb(data[: len(data) // 2], "half")
    assert caught.value.reason in ("truncated", "unreadable")


def test_a_pixel_bomb_is_refused_before_it_is_decoded():
    data = bomb()
    assert len(data) < 200_000
    with pytest.raises(ImageError, match="too large"):
        read_rgb(data)


def usual_and_unusual_jpegs(photograph) -> dict[str, bytes]:
    turned = Image.Exif()
    turned[0x0112] = 3
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    whole = saved(photograph, "JPEG")
    return {
        "4:2:0": whole,
        "4:4:4": saved(photograph, "JPEG", subsampling=0, quality=95),
        "4:2:2": saved(photograph, "JPEG", subsampling=1),
        "progressive": saved(photograph, "JPEG", progressive=True),
        "restart markers": saved(photograph, "JPEG", restart_marker_rows=1),
        "comment": saved(photograph, "JPEG", comment="a note"),
        "gray": saved(photograph.convert("L"), "JPEG"),
        "CMYK": saved(photograph.convert("CMYK"), "JPEG"),
        "kept as RGB": saved(photograph, "JPEG", keep_rgb=True),
        "turned": saved(photograph, "JPEG", exif=turned),
        "profile": saved(photograph, "JPEG", icc_profile=lab),
        "odd size": saved(photograph.crop((0, 0, 33, 17)), "JPEG"),
        "bytes after the end": whole + b"more",
        "bytes changed": whole[:3000] + bytes(range(200)) + whole[3200:],
    }


def test_the_quick_jpeg_decoder_gives_pillows_pixels(photograph, tmp_path):
    for name, data in usual_and_unusual_jpegs(photograph).items():
        path = tmp_path / "picture.jpg"
        path.write_bytes(data)
        expected = read_rgb(path)  # a path goes to Pillow
        assert (read_rgb(data) == expected).all(), name


def test_the_usual_jpeg_takes_the_quick_decoder(photograph, monkeypatch):
    monkeypatch.setattr(ccc.core.images, "decoded", None)  # Pillow's way in
    for name in ("4:2:0", "4:4:4", "4:2:2", "progressive", "restart markers", "comment", "odd size"):
        assert read_rgb(usual_and_unusual_jpegs(photograph)[name]).ndim == 3


def test_missing_file(tmp_path):
    with pytest.raises(ImageError, match="missing file"):
        read_rgb(tmp_path / "none.png")


def test_read_gray_takes_a_gray_picture_as_it_is():
    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert (read_gray(saved(Image.fromarray(levels), "PNG")) == levels).all()


def test_equal_pictures_give_equal_bytes_and_nothing_is_left_beside(tmp_path, astronaut):
    for name in ("one", "two"):
        write_png(tmp_path / name / "picture.png", astronaut)
    one, two = (list((tmp_path / name).iterdir()) for name in ("one", "two"))
    assert [path.name for path in one] == ["picture.png"] and one[0].read_bytes() == two[0].read_bytes()


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "value.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), written_whole(path) as aside:
        aside.write_text("ne")
        raise RuntimeError
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_sizes(astronaut):
    assert resize_short_side(astronaut[:100, :300], 50).shape == (50, 150, 3)
    assert resize_short_side(astronaut[:1, :3], 8).shape == (8, 24, 3)
    assert square(astronaut[:100, :300], 224).shape == (224, 224, 3)
    assert (square(astronaut[:200, 100:300], 200, "stretch") == astronaut[:200, 100:300]).all()


def linear_profile(space: bytes) -> bytes:
    """An ICC profile (ICC.1:2001) of linear pixels, `space` b"GRAY" or b"RGB ", that calls itself "Linear sRGB"."""
    fixed = lambda *numbers: struct.pack(f">{len(numbers)}i", *(round(number * 65536) for number in numbers))  # noqa: E731
    place = lambda *xyz: b"XYZ \0\0\0\0" + fixed(*xyz)  # noqa: E731
    curve = b"curv\0\0\0\0" + struct.pack(">I", 0)  # no entry: the identity
    name = b"Linear sRGB\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(name)) + name + b"\0" * 79,
        b"wtpt": place(0.9642, 1, 0.8249),
    }
    if space == b"GRAY":
        tags[b"kTRC"] = curve
    else:  # the primaries of sRGB, adapted to D50
        tags |= {
            b"rXYZ": place(0.4361, 0.2225, 0.0139),
            b"gXYZ": place(0.3851, 0.7169, 0.0971),
            b"bXYZ": place(0.1431, 0.0606, 0.7141),
        }
        tags |= {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve}
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for tag, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += tag + struct.pack(">II", start + len(body), len(data))
        body += data
    head = struct.pack(">I", start + len(body)) + b"\0\0\0\0\x02\x40\0\0mntr" + space + b"XYZ " + b"\0" * 12 + b"acsp"
    head += b"\0" * 28 + fixed(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


@pytest.mark.parametrize(("mode", "space"), [("L", b"GRAY"), ("RGB", b"RGB "), ("P", b"RGB ")])
def test_profiles_of_gray_palette_and_would_be_srgb_pictures_are_converted(mode, space):
    image = Image.new("L", (4, 4), 60).convert(mode)
    assert (read_rgb(saved(image, "PNG")) == 60).all()
    linear = read_rgb(saved(image, "PNG", icc_profile=linear_profile(space)))
    expected = 255 * (1.055 * (60 / 255) ** (1 / 2.4) - 0.055)  # sRGB's own curve
    assert np.abs(linear - expected).max() < 1.5


def test_16_bit_gray_with_a_transparent_level():
    levels = np.full((2, 3), 10_280, np.uint16)  # 40 of 255
    levels[0, 0] = 0
    data = saved(Image.fromarray(levels), "PNG", transparency=0)
    rgb, opacity = read_rgba(data)
    assert opacity.tolist() == [[0, 255, 255], [255, 255, 255]]
    assert (rgb[opacity == 255] == 40).all() and (rgb[0, 0] == 255).all()
    assert (read_rgb(data) == rgb).all()


def test_pictures_are_opened_at_one_place():
    """`Image.open` tries every format that Pillow knows, and one of them starts Ghostscript."""
    root = Path(__file__).resolve().parents[2]
    files = [path for top in ("ccc", "workflow") for path in (root / top).rglob("*") if path.suffix in (".py", ".smk")]
    assert len(files) > 100
    openers = [path.name for path in files if re.search(r"Image\s*\.\s*open\b|imread|imdecode", path.read_text())]
    assert openers == ["decode.py"]
