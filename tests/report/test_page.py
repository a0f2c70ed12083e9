"""The pages: whole, offline, escaped, the same every time."""

import csv
import html.parser
import json
import re
from urllib.parse import unquote

import numpy as np
import pandas
import pytest
import synthetic
from PIL import Image
from synthetic import HOSTILE, make_results, write_cell, write_summary

from ccc.core.errors import CCCError
from ccc.core.files import sha256
from ccc.report import plots
from ccc.report.classes import true_classes
from ccc.report.formats import write_tables
from ccc.report.page import write_report
from ccc.report.results import Results
from ccc.report.summary import read_results

VOID = {"!doctype", "meta", "img", "br", "link", "hr", "input", "rect", "line", "polyline", "path", "circle", "use"}
NAMES = ["a", "b", HOSTILE.replace("/", "") + "#?%41"]


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


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of two methods over one dataset of three pictures."""
    root = make_results(tmp_path_factory.mktemp("run") / "results", ["ccc", "other"], ["set"], NAMES)
    cell = json.loads((root / "metrics/ccc/plain/set.json").read_text())
    (root / "metrics/ccc/plain/set.json").write_text(json.dumps(cell | {"title": f"CCC {HOSTILE}"}))
    return root


def report(results, folder, **options):
    options = {"codebook": results / "codebook.json", "training": results / "train"} | options
    summary = write_summary(results, HOSTILE, weights={"ccc": results / "codebook.json"})  # any file has a checksum
    return write_report(summary, folder, results, **options).parent


@pytest.fixture(scope="module")
def folder(finished, tmp_path_factory):
    return report(finished, tmp_path_factory.mktemp("report"))


def pages(folder):
    return {path.name: path.read_text() for path in sorted(folder.glob("*.html"))}


def test_the_pages_are_well_formed_and_ask_for_nothing_outside(folder):
    found = pages(folder)
    assert set(found) == {
        "index.html", "tables.html", "plots.html", "classes.html", "harmonization.html", "pictures-set.html"
    }  # fmt: skip
    assert "Does it help?" in found["harmonization.html"]
    for name, text in found.items():
        tags = Page(re.sub(r"<script>.*?</script>|<style>.*?</style>", "", text, flags=re.S)).tags
        assert not [tag for tag, _ in tags if tag in ("iframe", "object", "base")]
        addresses = [attributes.get(key) for _, attributes in tags for key in ("src", "href")]
        assert not [address for address in addresses if address and re.match(r"\w+:|//", address)
                    and not address.startswith("data:")], name  # fmt: skip
        assert not re.search(r"@import|url\((?!#)|\bfetch\(|XMLHttpRequest|import\(|type=.module", text), name
        assert all("scope" in attributes for tag, attributes in tags if tag == "th"), name
        assert [tag for tag, _ in tags].count("h1") == [tag for tag, _ in tags].count("main") == 1


def test_every_link_leads_somewhere(folder):
    found = pages(folder)
    places = {name: {attributes.get("id") for _, attributes in Page(strip(text)).tags} for name, text in found.items()}
    for name, text in found.items():
        for tag, attributes in Page(strip(text)).tags:
            address = attributes.get("href" if tag == "a" else "src", "")
            if tag not in ("a", "img") or address.startswith("data:"):
                continue
            file, _, place = address.partition("#")
            if file.startswith("tables/"):  # written by `ccc tables`, another job
                continue
            assert not file or (folder / unquote(file)).exists(), (name, address)
            if place and "=" not in place:
                assert place in places[file or name], (name, address)


def strip(text):
    return re.sub(r"<script>.*?</script>|<style>.*?</style>", "", text, flags=re.S)


def test_what_is_there_and_what_is_missing_is_said(folder):
    index = (folder / "index.html").read_text()
    assert sha256(folder / "data/codebook.json") in index
    assert "felzenszwalb" in index and "no weights" in index and "FID (64)" in index
    cell = json.loads((folder / "data/metrics/ccc/plain/set.json").read_text())
    assert f"{cell['estimates']['psnr']['value']:.2f}</a>" in index
    for page in ("index.html", "tables.html"):
        assert "no note of <code>ccc colorize</code>, or several" in (folder / page).read_text()
    plots = (folder / "plots.html").read_text()
    assert "3 of 400 classes; the paper kept 215" in plots and plots.count("<svg") > 10


def test_cnr_is_split_into_true_classes_and_others(folder, finished):
    results = Results.read(finished / "summary.json")
    found = true_classes(results, "set", NAMES)
    assert [row["result"].key for row in found["rows"]] == ["ccc/plain", "ccc/sam", "other/plain", "other/sam"]
    for row in [*found["rows"], *found["examples"]]:
        assert row["false"] == pytest.approx(row["cnr"] - row["recall"])
    pictures = results.pictures(found["rows"][0]["result"])
    assert found["rows"][0]["recall"] == pytest.approx(pictures["cnr_96_recall"].mean())
    worst = {name: max(cnr_less_recall(results, row["result"], name) for row in found["rows"]) for name in NAMES}
    assert [example["name"] for example in found["examples"]] == sorted(NAMES, key=worst.get)[::-1][:2]
    page = (folder / "classes.html").read_text()
    assert page.count("<svg") == 4 and page.count("<figure>") == 8 and "No oracle in this run" in page


def cnr_less_recall(results, result, name):
    values = results.pictures(result).loc[name]
    return values["cnr_96"] - values["cnr_96_recall"]


def test_a_run_without_the_shares_says_what_the_page_needs(tmp_path, monkeypatch):
    for name in [name for name in synthetic.RANGES if "recall" in name]:
        monkeypatch.delitem(synthetic.RANGES, name)
    root = make_results(tmp_path / "results", ["ccc"], ["set"], ["a", "b"])
    assert "it needs the metrics cnr, cnr_precision" in (report(root, tmp_path / "report") / "classes.html").read_text()


def test_what_was_seen_in_training_stands_on_the_first_page_and_in_the_notes(finished, tmp_path):
    found = {"format": "ccc-leakage-1", "benchmark": "set", "pictures": 3, "near_bits": 8, "compared": {"train": 9},
             "exact": [], "near": [{"picture": "a", "found": "b/c.jpg", "split": "train", "distance": 2}]}  # fmt: skip
    (tmp_path / "set.json").write_text(json.dumps(found))
    summary = write_summary(finished, "seen", leakage=[tmp_path / "set.json"])
    words = "of 3 pictures 0 are among CCC's photographs (9 of train), byte for byte, and 1 nearly"
    page = html.unescape(write_report(summary, tmp_path / "report", finished).read_text())
    assert words in page and "a (b/c.jpg, train)" in page
    write_tables(Results.read(summary), tmp_path / "tables")
    for name in ("notes.md", "all_set.md"):
        assert "are among CCC's photographs" in (tmp_path / "tables" / name).read_text(), name
    (tmp_path / "set.json").write_text("{}")
    with pytest.raises(CCCError, match=r"set\.json: no readable file of `ccc leakage`"):
        write_summary(finished, leakage=[tmp_path / "set.json"])


def test_hostile_names_are_escaped(folder):
    for name, text in pages(folder).items():
        assert "<script>alert" not in text and "&lt;script&gt;alert(1)" in text, name


def test_a_method_that_gray_beats_is_not_praised(tmp_path):
    results = make_results(tmp_path / "results", ["ccc", "gray"], ["set"], ["a", "b"], variants=("plain",))
    for method, psnr in (("ccc", 20.0), ("gray", 22.0)):
        rows = [{"name": name, "width": 128, "height": 96, "psnr": psnr, "cnr_96": psnr / 30} for name in "ab"]
        write_cell(results, method, "plain", "set", rows)
    folder = report(results, tmp_path / "out")
    index = (folder / "index.html").read_text()
    assert "; the gray picture has the better value: 22.00" in index
    assert "CCC on set: a gray picture is better (22.00)" in index.replace("Ccc", "CCC")


def test_the_matrix_has_another_sign_where_gray_is_as_good_as_the_best(tmp_path):
    methods, names = ["ccc", "cic", "gray"], [f"p{number}" for number in range(10)]
    results = make_results(tmp_path / "results", methods, ["set"], names, variants=("plain",))
    for method in methods:
        rows = [{"name": name, "width": 128, "height": 96} for name in names]
        for k, row in enumerate(rows):
            row["psnr"] = 25 + k - {"ccc": 0, "cic": 2 + k / 10, "gray": (-1) ** k * (k - 0.5)}[method]
            row["cnr_96"] = 0.5 + k / 100 - {"ccc": 0, "cic": 0.2 + k / 1e3, "gray": 0.3 + k / 1e3}[method]
        write_cell(results, method, "plain", "set", rows)
    index = (report(results, tmp_path / "out") / "index.html").read_text()
    signs = re.findall(r'<span class="sign (\w+)" aria-hidden="true">(.)</span>', index)
    assert signs == [("real", "✓"), ("floor", "◇")]  # CNR, PSNR
    assert "(corrected p at most 0.002), but not told apart from gray (p =" in index
    assert "<b>◇</b> best of the methods, but by the test no better than gray" in index


def test_a_picture_s_values_stand_on_the_line_that_the_page_names(finished, folder):
    text = (folder / "pictures-set.html").read_text()
    data = json.loads(re.search(r'id="data">(.*?)</script>', text, re.S)[1])
    assert data["names"] == sorted(NAMES)
    for column in data["columns"]:
        for name in data["names"]:
            for kind, suffix in data["suffixes"].items():
                assert (folder / "pictures" / column["key"] / "set" / kind / f"{name}{suffix}").is_file()
    with (folder / "data/metrics/ccc/plain/set.csv").open(newline="") as file:
        lines = list(csv.reader(file))
    for place, row in enumerate(data["rows"]["ccc/plain"]):
        line = dict(zip(lines[0], lines[row - 1], strict=True))
        assert line["name"] == data["names"][place]
        assert float(line["psnr"]) == pytest.approx(data["values"]["ccc/plain"]["psnr"][place], abs=1e-6)


def test_as_many_pictures_are_shown_as_asked(finished, tmp_path):
    folder = report(finished, tmp_path / "out", max_pictures=2)
    assert len(list((folder / "pictures/ccc/plain/set/picture").iterdir())) == 2
    assert "2 of 3 pictures, the first by name" in (folder / "pictures-set.html").read_text()


def test_the_folder_is_whole_without_the_results(finished, tmp_path):
    """Pictures are the very files, linked: they stay when the results go, and do not change with them."""
    folder = report(finished, tmp_path / "out")
    shown = folder / "pictures/ccc/plain/set/picture/a.png"
    source = finished / "colorized/ccc/plain/set/a.png"
    assert not shown.is_symlink() and shown.read_bytes() == source.read_bytes()


def test_the_page_of_harmonization_titles_its_methods_and_lists_what_did_not_change(finished, tmp_path):
    places = [tmp_path / "out/harmonization" / name for name in ("ccc/set", "gray/set")]
    for place, lines in zip(places, ([{"name": "a", "file": "a.jpg", "changed_share": 0.5, "mean_ab_shift": 2.0,
                                       "segmenter": "slic"}], []), strict=True):  # fmt: skip
        place.mkdir(parents=True)
        (place / "comparisons.json").write_text(json.dumps(lines))
    page = (report(finished, tmp_path / "out", comparisons=places) / "harmonization.html").read_text()
    assert page.count(": the pictures that changed most</h3>") == 1 and re.search(
        r"<h3>[^<]+ on set: the pictures that changed most</h3>", page
    )
    assert re.search(r"Nothing changed: [^<]+ on set\.</p>", page) and "<h3>ccc/set" not in page


def test_it_is_identical_every_time_and_leaves_nothing_old(finished, tmp_path):
    folder = report(finished, tmp_path / "out")
    (folder / "pictures/old.png").touch()
    pages = {"pictures-old.html", "field.html"}  # of a run with more
    for name in pages:
        (folder / name).touch()
    old = {"old.png", *pages}
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name not in old}
    report(finished, tmp_path / "out")
    assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_only_the_provenance_differs_between_equal_runs(finished, tmp_path):
    first, second = (
        report(finished, tmp_path / when, provenance={"Written": when, "Processor": when}) for when in ("now", "then")
    )
    for name, text in pages(first).items():
        lines = zip(text.splitlines(), (second / name).read_text().splitlines(), strict=True)
        differing = [line for line, other in lines if line != other]
        assert all('class="provenance"' in line for line in differing) and bool(differing) == (name == "index.html")


def test_times_are_those_that_snakemake_measured(finished, tmp_path):
    results = make_results(tmp_path / "results", ["ccc"], ["set"], ["a", "b", "c"])
    (results / "timings/ccc").mkdir(parents=True)
    (results / "timings/ccc/set.tsv").write_text("s\th:m:s\tmax_rss\n6.0\t0:00:06\t-\n")
    folder = report(results, tmp_path / "out")
    assert (folder / "data/plots/timing.csv").read_text().splitlines()[1:] == ["ccc,set,3,2.0"]  # three pictures
    assert "Seconds of a whole job" in (folder / "plots.html").read_text()
    few = pandas.DataFrame([["ccc", "set", 30, 1.0], ["ccc", "few", 10, 3.0]], columns=plots.TIMES)
    assert "> 1.50</text>" in plots.timing(few, read_results([results / "metrics"])).drawings[""]


def test_a_missing_picture_is_named_and_nothing_half_written_stays(tmp_path):
    results = make_results(tmp_path / "results", ["ccc"], ["set"], ["a", "b"])
    (results / "colorized/ccc/sam/set/b.png").unlink()
    with pytest.raises(CCCError, match=r"sam.set.b\.png"):
        report(results, tmp_path / "out")
    assert not [path for path in (tmp_path / "out").rglob("*")]


def test_cells_of_different_pictures_are_refused(tmp_path):
    results = make_results(tmp_path / "results", ["ccc"], ["set"], ["a", "b"])
    write_cell(results, "ccc", "sam", "set", [{"name": "a", "width": 9, "height": 9, "psnr": 20.0}])
    with pytest.raises(CCCError, match="other pictures than the rest"):
        report(results, tmp_path / "out")


def test_text_stands_out_from_its_ground_in_both_schemes(folder):
    """WCAG 2 AA: 4.5 to 1 for text, links and quiet text, over every ground that they stand on."""
    text = (folder / "index.html").read_text()
    colors = {name: pair for name, *pair in re.findall(r"--(\w+): light-dark\((#\w{6}), (#\w{6})\)", text)}
    for scheme in (0, 1):
        for ground in ("ground", "soft", "best", "tied"):
            for front in ("text", "muted", "link", "caution", "real"):
                assert contrast(colors[front][scheme], colors[ground][scheme]) >= 4.5, (front, ground, scheme)


def contrast(one, other):
    def luminance(color):
        channels = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_previews_show_what_they_say(tmp_path):
    """A gray picture against a red one: one class, and an error in the colour of its CIEDE2000."""
    from skimage.color import deltaE_ciede2000, rgb2lab

    from ccc.report.previews import class_palette, error_colors, read_counts, write_previews

    red = np.full((40, 60, 3), (200, 30, 30), np.uint8)
    gray = np.full((40, 60, 3), 128, np.uint8)
    for name, picture in (("pictures", gray), ("truth", red)):
        (tmp_path / name).mkdir()
        Image.fromarray(picture).save(tmp_path / name / "x.png")
    write_previews(tmp_path / "pictures", tmp_path / "truth", tmp_path / "out")
    assert read_counts(tmp_path / "out").nonzero()[0].tolist() == [210]
    classes = np.array(Image.open(tmp_path / "out/classes/x.png").convert("RGB"))
    assert (classes == class_palette()[210]).all()
    error = np.array(Image.open(tmp_path / "out/error/x.webp").convert("RGB")).astype(int)
    expected = error_colors(deltaE_ciede2000(rgb2lab(red), rgb2lab(gray))).astype(int)
    assert 20 < deltaE_ciede2000(rgb2lab(red), rgb2lab(gray)).max() < 40
    assert np.abs(error - expected).max() <= 6  # but for the compression
    write_previews(tmp_path / "truth", tmp_path / "truth", tmp_path / "same")
    assert np.array(Image.open(tmp_path / "same/error/x.webp").convert("RGB")).max() <= 3


@pytest.mark.parametrize("theirs", ["data/photo.raw", "pictures/holiday.jpg", "index.html"])
def test_a_folder_of_other_files_is_left_alone(finished, tmp_path, theirs):
    """`data/` and `pictures/` are replaced as a whole, so they must be an earlier report's."""
    (tmp_path / theirs).parent.mkdir(exist_ok=True)
    (tmp_path / theirs).write_text("mine")
    with pytest.raises(CCCError, match="holds .*, not of `ccc report`; write to another folder"):
        report(finished, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / theirs]
    (tmp_path / theirs).unlink()
    (tmp_path / "notes.html").write_text("mine")
    if (tmp_path / theirs).parent != tmp_path:
        (tmp_path / theirs).parent.rmdir()
    report(finished, tmp_path)
    (tmp_path / "pictures-old.html").write_bytes((tmp_path / "index.html").read_bytes())
    report(finished, tmp_path)
    assert (tmp_path / "notes.html").read_text() == "mine" and not (tmp_path / "pictures-old.html").exists()
