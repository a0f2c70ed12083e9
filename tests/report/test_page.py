"""The page: whole, offline, escaped, the same every time."""

import html.parser
import json
import re

import numpy as np
import pytest
from PIL import Image

from ccc.codebook import Codebook
from ccc.errors import CCCError
from ccc.report.page import write_report

HOSTILE = "<script>alert(1)</script>\"'&"
VOID = {"meta", "img", "br", "link", "hr", "input", "rect", "line", "polyline", "path", "circle"}


class Page(html.parser.HTMLParser):
    """Collects start tags and checks that tags close in order."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open = [], []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag, tag


@pytest.fixture
def results(tmp_path):
    """A finished run of one method over one dataset of three pictures, in the workflow's layout."""
    root = tmp_path / "results"
    names = ["a", "b", HOSTILE.replace("/", "") + "#?%41"]
    random = np.random.default_rng(0)
    for folder in ("benchmarks/set/truth", "benchmarks/set/gray", "colorized/ccc/plain/set", "colorized/ccc/sam/set"):
        (root / folder).mkdir(parents=True)
        for name in names:
            picture = random.integers(0, 256, (300, 400, 3), dtype=np.uint8)
            Image.fromarray(picture).save(root / folder / f"{name}.png")
    for variant in ("plain", "sam"):
        data = {
            "format": "ccc-metrics-2", "images": 3, "side": 300, "mean": {"psnr": 22.0, "cnr_300": 0.7}, "median": {},
            "sd": {}, "n": {}, "set": {}, "interval": {}, "infinite": {}, "cautions": {}, "versions": {},
            "missing": {"fid_64": f"no weights: {HOSTILE}"}, "method": "ccc",
            "directions": {"psnr": "higher", "cnr_300": "higher", "fid_64": "lower"},
            "variant": variant, "dataset": "set", "title": f"CCC {HOSTILE}",
            "segmenter": "felzenszwalb" if variant == "sam" else None,
        }  # fmt: skip
        path = root / f"metrics/ccc/{variant}/set.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(data))
        lines = ['"' + name.replace('"', '""') + '",400,300,21.25,0.75' for name in names]
        path.with_suffix(".csv").write_text("\n".join(["name,width,height,psnr,cnr_300", *lines]) + "\n")
    counts = np.zeros(400, dtype=np.int64)
    counts[[190, 209, 210]] = 600, 10, 9000
    Codebook.fit(counts, 500).save(root / "codebook.json")
    training = root / "train"
    training.mkdir()
    (training / "history.csv").write_text("step,epoch,loss,validation_loss\n10,1,5.5,4.5\n20,2,4.5,4.25\n")
    Image.new("RGB", (64, 32)).save(training / "preview.png")
    return root


def report(results, folder, **options):
    cells = sorted((results / "metrics").rglob("*.json"))
    options = {"codebook": results / "codebook.json", "training": results / "train"} | options
    return write_report(folder, HOSTILE, cells, results, {}, **options)


def test_it_is_well_formed_offline_and_shows_what_is_there(results, tmp_path):
    page = report(results, tmp_path / "out")
    text = page.read_text()
    tags = Page(text).tags
    assert not re.search(r"(?:https?:)?//|@import|url\(", text)
    assert not [tag for tag, _ in tags if tag in ("script", "iframe", "object", "link")]
    images = [attributes for tag, attributes in tags if tag == "img"]
    assert images and all((page.parent / image["src"]).is_file() for image in images)
    assert all(image.get("alt") and image.get("loading") == "lazy" for image in images)
    places = {attributes.get("id") for _, attributes in tags}
    links = {attributes.get("href", "") for tag, attributes in tags if tag == "a"}
    assert {link[1:] for link in links if link.startswith("#")} <= places
    assert [tag for tag, _ in tags].count("table") == [tag for tag, _ in tags].count("caption") == 5
    assert all("scope" in attributes for tag, attributes in tags if tag == "th")
    assert "PSNR 21.25" in text and "CNR 300 0.75" in text and "felzenszwalb" in text and "no weights" in text
    assert any(tag == "svg" for tag, _ in tags)


def test_hostile_names_are_escaped(results, tmp_path):
    text = report(results, tmp_path / "out").read_text()
    assert "<script>" not in text and "&lt;script&gt;" in text


def test_pictures_are_small_and_as_many_as_asked(results, tmp_path):
    page = report(results, tmp_path / "out", max_pictures=2)
    pictures = [path for path in (page.parent / "pictures").iterdir() if "-" in path.name]
    assert len(pictures) == 2 * 4  # gray, plain, harmonized, truth
    assert all(min(Image.open(path).size) <= 256 for path in pictures)
    assert "2 of 3 pictures" in page.read_text()


def test_it_is_identical_every_time_and_leaves_no_old_picture(results, tmp_path):
    first = report(results, tmp_path / "out")
    (first.parent / "pictures/old.png").touch()
    before = {path.name: path.read_bytes() for path in first.parent.rglob("*") if path.is_file() and path.stem != "old"}
    again = report(results, tmp_path / "out")
    assert before == {path.name: path.read_bytes() for path in again.parent.rglob("*") if path.is_file()}


def test_a_missing_picture_is_named_and_nothing_half_written_stays(results, tmp_path):
    (results / "colorized/ccc/sam/set/b.png").unlink()
    with pytest.raises(CCCError, match=r"sam.set.b\.png"):
        report(results, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*")]


def test_text_stands_out_from_its_ground_in_both_schemes(results, tmp_path):
    """WCAG 2 AA: 4.5 to 1 for text and links, over the page's ground and over its soft ground."""
    text = report(results, tmp_path / "out").read_text()
    blocks = re.findall(r":root ?{([^}]*)}", text)
    schemes = [dict(re.findall(r"--([a-z]+): (#[0-9a-f]{6})", block)) for block in blocks]
    assert len(schemes) == 2, "light and dark"
    for colors in schemes:
        for front in ("text", "link"):
            for ground in ("ground", "soft"):
                assert contrast(colors[front], colors[ground]) >= 4.5, (front, ground)


def contrast(one, other):
    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)
