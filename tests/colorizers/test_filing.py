"""What stays of a picture file beside its pixels, in every format that is written; 16 bits; memory."""

import io
import os
import re
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.cli import main
from ccc.color import lightness
from ccc.colorizers import filing
from ccc.colorizers.coloring import at_16_bits, is_colored
from ccc.core.errors import ImageError
from ccc.core.images import read_rgb, write_png

XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6" note="Harbour">'
    b"<xmp:Thumbnails>small and gray</xmp:Thumbnails></rdf:Description></rdf:RDF></x:xmpmeta>"
)
TAGS = {270: "Großmutter am Hafen", 271: "Leica", 306: "1943:06:01 12:00:00", 315: "A. Hand", 33432: "© 1943"}


def colorize(*words) -> int:
    return main(["colorize", "--method", "gray", *map(str, words)])


def utf8_in_exif(text: str) -> str:
    return filing._Encoded(text.encode().decode("latin-1"))  # as most programs write it, and as Pillow reads it


@pytest.fixture
def scan(tmp_path):
    """A JPEG on its side with all that a careful owner has written into it."""
    exif = Image.Exif()
    exif.update({tag: utf8_in_exif(value) for tag, value in TAGS.items()} | {274: 6, 305: "a scanner's program"})
    exif.get_ifd(0x8769).update({36867: "1943:06:01 12:00:00", 37500: b"of the maker", 40962: 60})
    exif.get_ifd(0x8825).update({1: "N", 2: (54.0, 30.0, 12.5)})
    path = tmp_path / "scan.jpg"
    Image.fromarray(data.astronaut()[:40, :60]).save(path, exif=exif, xmp=XMP, dpi=(600, 600), comment=b"album 3")
    return path


@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_what_a_picture_says_of_itself_is_kept(suffix, scan, tmp_path, capsys):
    target = tmp_path / f"out.{suffix}"
    assert colorize(scan, "-o", target) == colorize(scan, "-o", target) == 0
    assert "0 coloured by gray, 1 there already" in capsys.readouterr().out.splitlines()[-1]
    with Image.open(target) as image:
        assert image.size == (40, 60) and image.format == {"jpg": "JPEG", "png": "PNG", "tif": "TIFF"}[suffix]
        exif = image.getexif()
        for tag, value in TAGS.items():
            assert exif[tag].encode("latin-1").decode() == value
        assert exif.get(274, 1) == 1, "turned already"
        assert exif.get_ifd(0x8769)[36867] == "1943:06:01 12:00:00" and exif.get_ifd(0x8769)[40961] == 1
        assert not {37500, 40962} & exif.get_ifd(0x8769).keys()
        assert exif.get_ifd(0x8825) == {1: "N", 2: (54.0, 30.0, 12.5)}
        assert image.info["dpi"] == pytest.approx((600, 600), abs=0.01)
        assert b'tiff:Orientation="1"' in image.info["xmp"] and b"Harbour" in image.info["xmp"]
        assert b"small and gray" not in image.info["xmp"]
        assert (image.info.get("comment") or image.info.get("Comment")) in {"jpg": [b"album 3"]}.get(
            suffix, ["album 3", None]
        )
        if suffix == "jpg":
            assert [part[1:3] for part in image.layer] == [(1, 1)] * 3, "4:4:4"
    assert colorize(target, "-o", tmp_path / "again.tif") == 0  # and through a second file
    with Image.open(tmp_path / "again.tif") as image:
        assert image.getexif()[270].encode("latin-1").decode() == TAGS[270]


def test_captions_of_png_and_iptc_become_tags_that_other_programs_read(tmp_path):
    text = Image.Exif()
    iptc = b"".join(
        b"\x1c\x02" + bytes([number]) + len(said).to_bytes(2, "big") + said
        for number, said in ((80, "Jürgen".encode()), (120, b"Harbour"))
    )
    block = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc + b"\0" * (len(iptc) % 2)
    app13 = b"Photoshop 3.0\0" + block
    stream = io.BytesIO()
    extra = b"\xff\xed" + (len(app13) + 2).to_bytes(2, "big") + app13
    Image.fromarray(data.astronaut()[:8, :8]).save(stream, "JPEG", exif=text, extra=extra)
    said = filing.record(stream.getvalue(), "a.jpg").exif
    assert said[270] == "Harbour" and str(said[315]) == "Jürgen"


def test_damaged_or_huge_blocks_cost_no_picture(tmp_path, capsys):
    picture, stream = Image.fromarray(data.astronaut()[:8, :8]), io.BytesIO()
    picture.save(stream, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff\0\0")
    (tmp_path / "a.jpg").write_bytes(stream.getvalue())
    picture.save(tmp_path / "b.tif", tiffinfo={700: b"<x:xmpmeta>" + b" " * 100000, 270: "x" * 70000, 282: 0.0})
    for suffix in ("jpeg", "png", "tiff"):
        assert colorize(tmp_path / "a.jpg", tmp_path / "b.tif", "--format", suffix, "-o", tmp_path / suffix) == 0


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_pixels_come_back_as_written(suffix, channels, dtype, tmp_path):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (700, 501, channels), dtype=dtype)
    pixels[..., 3:] |= 1  # readers differ about colours of what cannot be seen
    path = tmp_path / f"a.{suffix}"
    filing.write(path, pixels, "ccc", filing.Record(dpi=(300.0, 300.0)))
    first = path.read_bytes()
    filing.write(path, pixels, "ccc", filing.Record(dpi=(300.0, 300.0)))
    assert path.read_bytes() == first
    with Image.open(path) as image:
        assert np.array_equal(np.asarray(image), pixels >> (8 * (dtype == np.uint16)))
    if suffix == "png" or channels == 3:
        order = cv2.COLOR_BGR2RGB if channels == 3 else cv2.COLOR_BGRA2RGBA
        assert np.array_equal(cv2.cvtColor(cv2.imread(str(path), cv2.IMREAD_UNCHANGED), order), pixels)


def test_a_jpeg_shows_transparency_over_white_and_refuses_what_it_cannot_hold(tmp_path):
    pixels = np.dstack([data.astronaut()[:8, :8], np.full((8, 8), 0, np.uint8)])
    filing.write(tmp_path / "a.jpg", pixels, "", filing.Record())
    assert (read_rgb(tmp_path / "a.jpg") == 255).all()
    with pytest.raises(ImageError, match="at most 65500 pixels a side"):
        filing.write(tmp_path / "b.jpg", np.zeros((1, 65501, 3), np.uint8), "", filing.Record())
    assert not (tmp_path / "b.jpg").exists()


def lightness16(levels: np.ndarray) -> np.ndarray:
    levels = levels if levels.ndim == 3 else np.repeat(levels[..., None], 3, axis=-1)
    return lightness(levels / np.float32(65535))


@pytest.mark.parametrize("ab", [(0, 0), (10, 20), (60, 40), (-50, 60), (20, -90)])
def test_16_bits_keep_the_lightness_of_every_level(ab):
    gray = np.arange(65536, dtype=np.uint16).reshape(64, 1024)
    colored = at_16_bits(gray, np.broadcast_to(np.float32(ab), (64, 1024, 2)))
    assert np.abs(lightness16(colored) - lightness16(gray)).max() < 100 / 65535  # L of one level
    assert ab == (0, 0) or np.ptp(colored[32, 512].astype(int)) > 1000, "coloured all the same"


@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_gray_of_16_bits_gives_colours_of_16_bits(suffix, tmp_path):
    gray = np.arange(20000, 20000 + 64 * 96, dtype=np.uint16).reshape(64, 96)
    Image.fromarray(gray).save(tmp_path / "deep.tif")
    write_png(tmp_path / "flat.png", data.astronaut()[:64, :96])
    words = (tmp_path / "deep.tif", tmp_path / "flat.png", "--format", suffix)
    assert main(["colorize", *map(str, words), "-o", str(tmp_path / "out")]) == 0
    ending = filing.FORMATS[suffix]
    deep = cv2.imread(str(tmp_path / f"out/deep{ending}"), cv2.IMREAD_UNCHANGED)
    assert deep.dtype == np.uint16 and np.ptp(deep[32, 48].astype(int)) > 0
    assert np.abs(lightness16(deep[..., ::-1]) - lightness16(gray)).max() < 100 / 65535
    assert cv2.imread(str(tmp_path / f"out/flat{ending}"), cv2.IMREAD_UNCHANGED).dtype == np.uint8
    for depth, dtype in (("8", np.uint8), ("16", np.uint16)):
        assert main(["colorize", *map(str, words), "--depth", depth, "-o", str(tmp_path / depth)]) == 0
        assert cv2.imread(str(tmp_path / depth / f"flat{ending}"), cv2.IMREAD_UNCHANGED).dtype == dtype
        assert cv2.imread(str(tmp_path / depth / f"deep{ending}"), cv2.IMREAD_UNCHANGED).dtype == dtype


def test_colours_are_told_from_tints(tmp_path, capsys):
    gray = np.repeat(data.astronaut()[..., :1], 3, axis=-1)
    sepia = np.clip(gray * np.array([1.07, 0.74, 0.43]), 0, 255).astype(np.uint8)
    yellowed = (255 - (255 - gray) * np.array([0.7, 0.75, 0.9]) - [10, 25, 60]).clip(0, 255).astype(np.uint8)
    assert not any(is_colored(picture) for picture in (gray, sepia, yellowed))
    assert all(is_colored(picture) for picture in (data.astronaut(), data.coffee(), data.chelsea()))
    for name, picture in {"sepia": sepia, "color": data.astronaut()}.items():
        write_png(tmp_path / f"in/{name}.png", picture)
    assert colorize(tmp_path / "in", "--skip-color", "-o", tmp_path / "out") == 0
    assert "1 coloured by gray, 0 there already, 0 skipped, 1 left out that have colours" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["sepia.png"]


def test_a_sheet_shows_before_and_after(tmp_path, capsys):
    write_png(tmp_path / "a.png", data.astronaut())
    for _ in range(2):
        assert colorize(tmp_path / "a.png", "--compare", "-o", tmp_path / "out") == 0
    assert "1 there already" in capsys.readouterr().out
    sheet = read_rgb(tmp_path / "out/a.compare.jpg").astype(int)
    assert sheet.shape == (512, 1032, 3)
    assert np.abs(sheet[:, :512] - data.astronaut()).mean() < 4
    assert np.abs(sheet[:, 520:] - read_rgb(tmp_path / "out/a.png")).mean() < 4


def test_a_scan_of_30_megapixels_takes_less_than_1_5_gigabytes(tmp_path):
    ramp = np.add.outer(np.arange(5000) * 7, np.arange(6000) * 3).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "large.tif")
    if not os.path.exists("/proc/self/status"):
        pytest.skip("peak memory is read from /proc, which is Linux's")
    code = (  # not ru_maxrss, which a process has from the one that started it
        "import re, sys; from ccc.cli import main; status = main(sys.argv[1:]);"
        "print(re.search('VmHWM.*', open('/proc/self/status').read())[0]); sys.exit(status)"
    )
    words = ("colorize", tmp_path / "large.tif", "--device", "cpu", "-o", tmp_path / "out", "--format", "tiff")
    done = subprocess.run([sys.executable, "-c", code, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert int(re.search(r"VmHWM:\s*(\d+) kB", done.stdout)[1]) * 1024 < 1.5e9
    assert (tmp_path / "out/large.tif").is_file()


def test_a_and_b_stay_with_a_result_of_another_format(tmp_path):
    write_png(tmp_path / "in/a.png", data.astronaut()[:32, :32])
    words = ["colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--device", "cpu"]
    assert main([*words, "--keep-ab"]) == 0
    assert main([*words, "--format", "jpeg"]) == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.ab.npz", "a.jpg", "a.png"]


def test_a_sheet_replaces_no_result_and_no_picture_of_somebody_else(tmp_path, capsys):
    for name in ("b", "b.compare"):
        Image.fromarray(data.astronaut()[:32, :40]).save(tmp_path / f"{name}.png")
        (tmp_path / "in").mkdir(exist_ok=True)
        (tmp_path / f"{name}.png").rename(tmp_path / f"in/{name}.png")
    words = ["colorize", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--method", "gray", "--format", "jpeg"]
    assert main([*words, "--compare"]) == 3
    assert "b.compare.jpg: is there, and no sheet of --compare" in capsys.readouterr().out
    assert read_rgb(tmp_path / "out/b.compare.jpg").shape == (32, 40, 3)


def test_a_result_too_large_to_read_is_not_replaced(tmp_path, monkeypatch, capsys):
    write_png(tmp_path / "a.png", np.zeros((1000, 1000), np.uint8))
    Image.new("RGB", (1000, 1000), "red").save(tmp_path / "out.png")
    monkeypatch.setenv("CCC_MAX_PICTURE_MB", "6")
    assert main(["colorize", str(tmp_path / "a.png"), "-o", str(tmp_path / "out.png"), "--method", "gray"]) == 2
    with Image.open(tmp_path / "out.png") as kept:
        assert kept.getpixel((0, 0)) == (255, 0, 0)


def test_a_quality_without_a_jpeg_is_refused(tmp_path, capsys):
    write_png(tmp_path / "a.png", data.astronaut()[:32, :32])
    words = ["colorize", str(tmp_path / "a.png"), "--method", "gray", "--quality", "90", "-o"]
    assert main([*words, str(tmp_path / "out")]) == 2 and not (tmp_path / "out").exists()
    assert "--quality applies to JPEG only, and no result is JPEG" in capsys.readouterr().err
    assert main([*words, str(tmp_path / "out.jpg")]) == 0
