"""Which files are coloured, and under which names: links, odd suffixes, equal names, pages, what is no picture."""

import os
import shutil
import unicodedata

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ccc.cli import main
from ccc.colorizers.planning import plan
from ccc.core.errors import CCCError
from ccc.core.files import file_name
from ccc.core.images import read_rgb, write_png

PICTURE = data.astronaut()[:24, :32]


def colorize(*words) -> int:
    return main(["colorize", "--method", "gray", *map(str, words)])


def saved(path, picture=PICTURE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path, **options)
    return path


def results(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def nikon(path):  # a camera's raw file is a TIFF whose first page is a thumbnail
    saved(path, format="TIFF")


def pipe(path):
    os.mkfifo(path)


# By name: what makes the file, and the result's name, or the words with which it is skipped, or None for no picture.
FILES = {
    "scan.jpe": (lambda path: saved(path, format="JPEG"), "scan.png"),
    "scan.jfif": (lambda path: saved(path, format="JPEG"), "scan.png"),
    "both_eyes.mpo": (lambda path: saved(path, format="JPEG"), "both_eyes.png"),
    "new.avif": (lambda path: saved(path, format="AVIF"), "new.png"),
    "wrongly_named.heic": (lambda path: saved(path, format="JPEG"), "wrongly_named.png"),
    "no_suffix": (lambda path: saved(path, format="PNG"), "no_suffix.png"),
    "Harbour 12.6.1921": (lambda path: saved(path, format="JPEG"), "Harbour 12.6.1921.png"),  # no suffix either
    "scan.old": (lambda path: saved(path, format="TIFF"), "scan.old.png"),
    "still.mp4": (lambda path: saved(path, format="PNG"), "still.png"),
    "two\nlines.png": (saved, "two\nlines.png"),
    b"caf\xe9.png".decode("utf-8", "surrogateescape"): (saved, "caf\ufffd.png"),
    "e\u0301t\u00e9.png": (saved, "\u00e9t\u00e9.png"),  # composed letters, as most systems write them
    f"{'a' * 246}.png": (saved, f"{file_name('a' * 246)}.png"),  # room for .compare.jpg
    "broken.jpg": (lambda path: path.write_bytes(b"\xff\xd8\xff no more"), "broken.jpg: "),
    "empty.png": (lambda path: path.touch(), "empty.png: empty file"),
    "photo.nef": (nikon, "photo.nef: no format that is read: .nef (a camera's raw file"),
    "layers.psd": (lambda path: path.write_bytes(b"8BPS"), "layers.psd: no format that is read: .psd (export it"),
    "letter.pdf": (lambda path: path.write_bytes(b"%PDF-1.7"), None),
    "gone.jpg": (lambda path: path.symlink_to("nowhere.jpg"), "gone.jpg: missing file"),
    "pipe.jpg": (pipe, "pipe.jpg: not a regular file"),
    "folder.jpg": (lambda path: path.mkdir(), None),
    "notes.md": (lambda path: path.write_text("of 1921"), None),
    ".DS_Store": (lambda path: path.write_bytes(b"\0\0\0\1Bud1"), None),
    "._scan.jpg": (lambda path: path.write_bytes(b"\0\5\26\7"), None),
    "Thumbs.db": (lambda path: path.write_bytes(b"\xd0\xcf\x11\xe0"), None),
    "desktop.ini": (lambda path: path.write_text("[.ShellClassInfo]"), None),
}


@pytest.mark.parametrize("name", FILES, ids=ascii)
def test_a_file_in_a_folder_is_coloured_or_named_or_no_picture(name, tmp_path, capsys):
    make, wanted = FILES[name]
    saved(tmp_path / "in/other.png")
    make(tmp_path / "in" / name)
    is_result = wanted is not None and ": " not in wanted
    status = colorize(tmp_path / "in", "-o", tmp_path / "out")
    said = capsys.readouterr().out
    assert status == (3 if wanted and not is_result else 0)
    assert results(tmp_path / "out") == sorted(["other.png"] + [wanted] * is_result)
    if is_result:
        assert f"out: 2 coloured by gray, 0 there already, 0 skipped{os.linesep}" in said
        assert colorize(tmp_path / "in", "-o", tmp_path / "out") == 0
        assert "0 coloured by gray, 2 there already" in capsys.readouterr().out
    elif wanted:
        assert "1 coloured by gray, 0 there already, 1 skipped" in said and wanted in said
    else:
        assert ("1 other file ignored" in said) == (name != "folder.jpg")


def test_links_are_followed_but_not_in_circles(tmp_path):
    saved(tmp_path / "elsewhere/b/two.png")
    saved(tmp_path / "in/a/one.png")
    (tmp_path / "in/b").symlink_to(tmp_path / "elsewhere/b")
    (tmp_path / "in/a/up").symlink_to("..")
    (tmp_path / "elsewhere/b/itself").symlink_to(".")
    for given in (tmp_path / "in", tmp_path / "in/**/*"):
        names = [str(task.target.relative_to(tmp_path / "out")) for task in plan([given], tmp_path / "out").tasks]
        assert names == ["a/one.png", "b/two.png"]


def test_equal_stems_get_distinct_names_on_any_file_system(tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    decomposed, composed = (unicodedata.normalize(form, "é.png") for form in ("NFD", "NFC"))
    for number, name in enumerate(["scan.jpg", "IMG.jpg", "IMG.png", "A/x.png", "a/x.png", decomposed, composed]):
        saved(folder / name, data.astronaut()[number : number + 24, :32])
    assert colorize(folder / "scan.jpg", "-o", out) == 0 and results(out) == ["scan.png"]
    first = (out / "scan.png").read_bytes()
    for number, name in enumerate(["scan.tif", "img.JPG"]):
        saved(folder / name, data.astronaut()[50 + number :][:24, :32])
    assert colorize(folder, "-o", out) == 0
    said, names = capsys.readouterr().out, results(out)
    assert {"scan.jpg.png", "scan.tif.png", "IMG.png.png"} < set(names)
    assert "scan.tif: becomes scan.tif.png" in said or "more files likewise" in said
    assert (out / "scan.png").read_bytes() == first  # no longer in the plan, and still right
    assert len({unicodedata.normalize("NFC", name).casefold() for name in names}) == len(names) == 10
    assert len({read_rgb(out / name).tobytes() for name in names if name != "scan.png"}) == 9
    assert colorize(folder, "-o", out) == 0 and "0 coloured by gray, 9 there already" in capsys.readouterr().out


def test_pictures_of_one_name_from_two_folders_are_refused_with_the_remedy(tmp_path):
    saved(tmp_path / "one/x.png"), saved(tmp_path / "two/x.png")
    with pytest.raises(CCCError, match="would both be written to x.png: give the folder above both"):
        plan([tmp_path / "one", tmp_path / "two"], tmp_path / "out")
    tasks = plan([tmp_path / "one", tmp_path / "one/x.png"], tmp_path / "out").tasks  # the same twice is one
    assert [task.target for task in tasks] == [tmp_path / "out/x.png"]


def album(path, pages=3):
    images = [Image.fromarray(data.astronaut()[20 * page : 20 * page + 24, :32]) for page in range(pages)]
    images[0].save(path, save_all=True, append_images=images[1:], duration=100)


@pytest.mark.parametrize("name", ["album.tif", "moving.gif", "moving.png", "moving.webp"])
def test_every_page_is_coloured_or_said_to_be_left_out(name, tmp_path, capsys):
    (tmp_path / "in").mkdir()
    album(tmp_path / "in" / name)
    stem = name.partition(".")[0]
    assert colorize(tmp_path / "in", "-o", tmp_path / "out") == 0
    assert "2 pages or frames beyond the first left out" in capsys.readouterr().out
    assert results(tmp_path / "out") == [f"{stem}.png"]
    for words in ("3 coloured by gray", "0 coloured by gray, 3 there already"):
        assert colorize(tmp_path / "in", "--pages", "all", "-o", tmp_path / "all") == 0
        said = capsys.readouterr().out
        assert words in said and "left out" not in said
    pages = [f"{stem}.p{page}.png" for page in (1, 2, 3)]
    assert results(tmp_path / "all") == pages
    shown = [read_rgb(tmp_path / "all" / page) for page in pages]
    for page, picture in enumerate(shown):
        wanted = read_rgb(tmp_path / "in" / name, page=page).astype(int)
        assert np.abs(picture.mean(axis=(1, 2)) - wanted.mean(axis=(1, 2))).mean() < 12
    assert (shown[0] != shown[1]).any() and (shown[1] != shown[2]).any()
    shutil.copy(tmp_path / "all" / pages[0], tmp_path / "all" / pages[1])
    assert colorize(tmp_path / "in", "--pages", "all", "-o", tmp_path / "all") == 3  # of another page


def test_results_beside_their_sources_are_no_sources(tmp_path, capsys):
    saved(tmp_path / "a.jpg"), saved(tmp_path / "deep/b.jpg")
    for words in ("2 coloured by gray, 0 there already", "0 coloured by gray, 2 there already"):
        assert colorize(tmp_path, "--compare", "-o", tmp_path) == 0 and words in capsys.readouterr().out
    assert len(results(tmp_path)) == 6
    write_png(tmp_path / "c.png", PICTURE)
    assert colorize(tmp_path, "-o", tmp_path) == 2 and "c.png would be overwritten" in capsys.readouterr().err


def test_a_name_after_o_says_the_format_and_must_fit(tmp_path, capsys):
    source = saved(tmp_path / "a.webp")
    for name, wanted in {"x.jpg": "JPEG", "x.JPEG": "JPEG", "x.tif": "TIFF", "x.png": "PNG"}.items():
        assert colorize(source, "-o", tmp_path / name) == 0
        with Image.open(tmp_path / name) as image:
            assert image.format == wanted
    for words, why in (
        (("-o", tmp_path / "x.webp"), "may be written to .png, .jpg, .jpeg, .tif, .tiff"),
        (("-o", tmp_path / "x.mp4"), "may be written to"),
        (("-o", tmp_path / "y.jpg", "--format", "tiff"), "is no name for --format tiff"),
        (("-o", tmp_path / "y.jpg", "--depth", "16"), "--depth 16 cannot be combined with JPEG"),
        (("-o", tmp_path / "out", "--quality", "0"), "--quality must be at least 1"),
    ):
        assert colorize(source, *words) == 2 and why in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert colorize(source, "-o", tmp_path / "file") == 2 and "is a file; give a folder" in capsys.readouterr().err


def test_the_output_may_be_a_folder_around_the_input(tmp_path, monkeypatch):
    saved(tmp_path / "scans/one.png")
    monkeypatch.chdir(tmp_path)
    assert colorize("scans", "-o", ".") == 0
    assert results(tmp_path) == ["one.png", "scans/one.png"]
    assert colorize("scans/*/../*.png", "-o", "far") == 2, "no folder in it"
    saved(tmp_path / "scans/sub/two.png")
    assert colorize("scans/*/../*.png", "-o", "far") == 0
