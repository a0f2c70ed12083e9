"""The pages in a real browser: nothing fails or is fetched, and what is pressed does what it says."""

import os
from pathlib import Path

import pandas
import pytest
from browser import browser
from synthetic import make_results, write_summary

from ccc.report.page import write_report

METHODS = ["alpha", "beta", "gamma", "gray"]
NAMES = [f"picture {number:02d}" for number in range(30)] + ["#odd?%41&"]
SIZES = {"desktop": (1400, 900), "tablet": (1000, 800), "phone": (390, 844)}


WIDER = """[...document.querySelectorAll("figure svg")].filter((drawing) => drawing.checkVisibility())
  .filter((drawing) => drawing.getBoundingClientRect().width > drawing.closest("figure").clientWidth + 1
  || !drawing.ariaLabel).length"""
FAULTS = Path(__file__).parents[1].joinpath("faults.js").read_text()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A report of three methods over two datasets of 31 pictures."""
    root = make_results(tmp_path_factory.mktemp("run") / "results", METHODS, ["faces", "flowers"], NAMES)
    not_run = {"absent": "its weights are missing"}
    summary = write_summary(root, "made up", columns={"flowers": "Ox. Flower"}, not_run=not_run)
    target = tmp_path_factory.mktemp("report")
    return write_report(summary, target, root, codebook=root / "codebook.json", training=root / "train").parent


@pytest.fixture(scope="module")
def tab():
    with browser() as page:
        yield page


def test_every_page_loads_alone_at_every_size(folder, tab, tmp_path):
    """No error, no request outside the folder, nothing wider than the window; a screenshot of each is made."""
    shots = Path(os.environ.get("CCC_SCREENSHOTS", tmp_path))
    for page in sorted(folder.glob("*.html")):
        for size, (width, height) in SIZES.items():
            for dark in (False, True):
                tab.open(page, width=width, height=height, dark=dark)
                assert not tab.errors, (page.name, tab.errors)
                outside = [url for url in tab.requests if not url.startswith((folder.as_uri() + "/", "data:"))]
                assert not outside, (page.name, outside)
                assert tab.run("document.documentElement.scrollWidth <= innerWidth"), (page.name, size)
                assert not tab.run(FAULTS), (page.name, size, dark)
                assert not tab.run(WIDER), (page.name, size)
                shot = shots / f"{page.stem}-{size}-{'dark' if dark else 'light'}.png"
                tab.screenshot(shot)
                assert shot.stat().st_size > 5000


def test_a_long_name_of_a_method_stays_in_its_select_on_a_phone(folder, tab):
    tab.open(folder / "pictures-faces.html", "", *SIZES["phone"])
    tab.run("document.querySelector('.strip button').click()")
    tab.run("document.querySelectorAll('#left option').forEach((option) => { option.text = 'Method '.repeat(12) })")
    assert tab.run("document.querySelector('#left').getBoundingClientRect().right <= innerWidth")


def test_a_long_name_of_a_method_stays_in_its_cell(folder, tab):
    name = "document.querySelector('#all tbody th')"
    for width, height in SIZES.values():
        tab.open(folder / "tables.html", width=width, height=height)
        tab.run(f"{name}.textContent = 'CCC (scenes, then embedded) + felzenszwalb and more'")
        assert tab.run(f"{name}.scrollWidth <= {name}.clientWidth"), width


def order(tab, table):
    return tab.run(f"[...document.querySelectorAll('#{table} tbody tr')].map(r => r.cells[0].textContent.trim())")


def test_tables_sort_by_click_and_by_key_and_say_so(folder, tab):
    tab.open(folder / "tables.html")
    head = "document.querySelector('#all th[data-metric=lpips_alex]')"
    assert tab.run(f"{head}.getAttribute('aria-sort')") == "none"
    tab.run(f"{head}.querySelector('button').focus()")
    tab.press("Enter")
    assert tab.run(f"{head}.getAttribute('aria-sort')") == "ascending"
    values = "[...document.querySelectorAll('#all tbody tr')].map(r => Number(r.cells[index].dataset.value))"
    index = f"const index = {head}.cellIndex;"
    found = tab.run(f"(() => {{ {index} return {values}; }})()")
    assert found == sorted(found) and len(found) == 16
    tab.press(" ")
    assert tab.run(f"{head}.getAttribute('aria-sort')") == "descending"
    assert tab.run(f"(() => {{ {index} return {values}; }})()") == sorted(found, reverse=True)


def test_a_metric_that_is_better_higher_sorts_the_best_to_the_top(folder, tab):
    tab.open(folder / "tables.html")
    tab.run("document.querySelector('#all th[data-metric=psnr] button').click()")
    assert order(tab, "all")[0].startswith("Alpha")


def test_filters_hide_rows_and_columns_of_all_tables(folder, tab):
    tab.open(folder / "tables.html")
    rows = "[...document.querySelectorAll('#all tbody tr')].filter(r => !r.hidden).length"
    assert tab.run(rows) == 16
    tab.run("document.querySelector('[data-filter=dataset][value=faces]').click()")
    assert tab.run(rows) == 8
    tab.run("document.querySelector('[data-filter=variant][value=sam]').click()")
    assert tab.run(rows) == 4
    tab.run("document.querySelector('[data-filter=metric][value=psnr]').click()")
    assert tab.run("getComputedStyle(document.querySelector('#all th[data-metric=psnr]')).display") == "none"
    head = "document.querySelector('#table_4 th[data-metric=psnr]')"
    assert tab.run(f"getComputedStyle({head}).display") == "none"
    published = "getComputedStyle(document.querySelector('#table_4 td.published')).display"
    assert tab.run(published) != "none"
    tab.run("document.getElementById('published').click()")
    assert tab.run(published) == "none"
    tab.run("document.getElementById('everything').click()")
    assert tab.run(rows) == 16


def test_a_table_is_copied_as_it_is_shown(folder, tab):
    """From disk the clipboard may be barred: then the text stands in a dialog, selected."""
    tab.open(folder / "tables.html")
    tab.run("document.querySelector('[data-filter=method][value=beta]').click()")
    tab.run("navigator.clipboard.writeText = () => Promise.reject(new Error('barred'))")
    for form, sign in (("Markdown", "| Method | Benchmark |"), ("LaTeX", "\\toprule"), ("CSV", "Method,Benchmark,n,")):
        tab.run(f"document.querySelector('[data-copy=all][data-format={form}]').click()")
        tab.wait("document.getElementById('copy').open")
        text = tab.run("document.querySelector('#copy textarea').value")
        assert sign in text and "Alpha" in text and "Beta" not in text and "★" not in text, form
        assert tab.run("getSelection().toString() || document.querySelector('#copy textarea').selectionEnd > 100")
        tab.press("Escape")
        tab.wait("!document.getElementById('copy').open")
    tab.run("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
    tab.run("document.querySelector('[data-copy=table_4][data-format=CSV]').click()")
    tab.wait("window.copied && window.copied.includes('Alpha')")


def test_the_slider_moves_by_key_and_by_pointer(folder, tab):
    tab.open(folder / "pictures-flowers.html")
    tab.run("document.querySelector('#rows figure:nth-child(2) button').focus()")
    tab.press("Enter")
    tab.wait("document.getElementById('viewer').open")
    assert tab.run("document.getElementById('left').value") == "alpha/plain"
    assert tab.run("document.getElementById('right').value") == "benchmark/truth"
    clip = "document.querySelector('.over').style.clipPath"
    assert "50%" in tab.run(clip)
    tab.run("document.getElementById('slide').focus()")
    tab.press("ArrowRight")
    assert "50.5%" in tab.run(clip)
    tab.wait("[...document.querySelectorAll('.stage img')].every(i => i.complete && i.naturalWidth)")
    box = tab.run("(({x, y, width, height}) => [x, y, width, height])(stage.getBoundingClientRect())".replace(
        "stage", "document.querySelector('.stage')"))  # fmt: skip
    x, y = box[0] + box[2] * 0.25, box[1] + box[3] / 2
    tab.mouse("mousePressed", x, y)
    tab.mouse("mouseReleased", x, y)
    assert "25" in tab.run(clip)
    tab.press("Escape")
    tab.wait("!document.getElementById('viewer').open")
    assert not tab.errors


def test_zoom_and_place_are_one_for_all_pictures(folder, tab):
    tab.open(folder / "pictures-flowers.html")
    tab.run("document.querySelector('#rows figure button').click()")
    tab.run("document.querySelector('#mode [value=side]').click()")
    count = tab.run("document.querySelectorAll('.stage').length")
    assert count == tab.run("document.querySelectorAll('#methods input:checked').length") > 3
    tab.press("+")
    tab.press("d")
    placed = tab.run("[...new Set([...document.querySelectorAll('.stage img')].map(i => i.style.transform))]")
    assert len(placed) == 1 and "scale(1.5)" in placed[0] and "translate(-35%, -25%)" in placed[0]
    tab.press("0")
    assert "scale(1)" in tab.run("document.querySelector('.stage img').style.transform")
    first = tab.run("document.getElementById('viewer-title').textContent")
    tab.press("n")
    assert tab.run("document.getElementById('viewer-title').textContent") != first


def test_pictures_sort_by_what_is_asked(folder, tab):
    tab.open(folder / "pictures-faces.html", "#sort=worst&metric=psnr&method=beta/plain")
    names = "[...document.querySelectorAll('#rows article')].map(a => a.dataset.name)"
    values = "JSON.parse(document.getElementById('data').textContent).values"
    all_names = tab.run("JSON.parse(document.getElementById('data').textContent).names")
    beta = dict(zip(all_names, tab.run(f"{values}['beta/plain'].psnr"), strict=True))
    alpha = dict(zip(all_names, tab.run(f"{values}['alpha/plain'].psnr"), strict=True))
    shown = tab.run(names)
    assert shown == sorted(all_names, key=beta.get)[: len(shown)]
    tab.run(
        "for (const [id, value] of [['sort', 'differ'], ['method', 'beta/plain'], ['other', 'alpha/plain']]) {"
        "const s = document.getElementById(id); s.value = value; s.dispatchEvent(new Event('change')); }"
    )
    shown = tab.run(names)
    assert shown == sorted(all_names, key=lambda name: -abs(alpha[name] - beta[name]))[: len(shown)]


def test_more_pictures_come_when_they_are_scrolled_to_and_all_of_them_load(folder, tab):
    tab.open(folder / "pictures-faces.html")
    tab.run("scrollTo(0, document.body.scrollHeight)")
    tab.wait("document.querySelectorAll('#rows article').length === 31")
    tab.run("document.querySelectorAll('#rows img').forEach(i => { i.loading = 'eager'; })")
    tab.wait("[...document.querySelectorAll('#rows img')].every(i => i.complete && i.naturalWidth)")
    for view in ("classes", "error"):
        tab.run(f"document.querySelector('#view [value={view}]').click()")
        tab.run("document.querySelectorAll('#rows img').forEach(i => { i.loading = 'eager'; })")
        tab.wait("[...document.querySelectorAll('#rows img')].every(i => i.complete && i.naturalWidth)")
    assert not tab.errors


def test_a_link_to_one_picture_opens_it(folder, tab):
    tab.open(folder / "index.html")
    tab.run("document.querySelector('.reel:not([hidden]) figure:nth-child(2) a').click()")
    tab.wait("document.readyState === 'complete' && document.getElementById('viewer')?.open")
    assert tab.run("document.getElementById('left').value") == "alpha/plain"
    assert tab.run("document.getElementById('right').value") == "benchmark/truth"
    assert tab.run("document.getElementById('viewer-title').textContent") in NAMES


def test_the_first_screen_shows_pictures_and_the_headline_table(folder, tab):
    tab.open(folder / "index.html", width=1400, height=900)
    for part in (".reel:not([hidden]) figure:last-child img", "#headline-lpips_alex tbody tr:last-child", ".matrix"):
        assert tab.run(f"document.querySelector('{part}').getBoundingClientRect().bottom") < 900, part
    lines = "[...document.querySelectorAll('main :is(td, th)')].filter(e => e.getClientRects().length).map(e => "
    lines += "e.clientHeight / parseFloat(getComputedStyle(e).lineHeight))"
    assert max(tab.run(lines)) < 3, "a cell of more than two lines"


def test_the_pictures_of_the_first_page_are_stepped_through(folder, tab):
    tab.open(folder / "index.html")
    name = "document.querySelector('.reel:not([hidden]) .reel-name').textContent"
    sources = "[...document.querySelectorAll('.reel:not([hidden]) img')].map(i => decodeURIComponent(i.src))"
    first = sorted(NAMES)
    assert tab.run(name) == f"{first[0]} (1 of 31)"
    tab.run("document.querySelector('[data-step=\"1\"]').click()")
    tab.run("document.querySelector('[data-step=\"1\"]').focus()")
    tab.press("ArrowRight")
    assert tab.run(name) == f"{first[2]} (3 of 31)"
    assert all(source.endswith(f"/faces/thumbnail/{first[2]}.webp") for source in tab.run(sources))
    tab.run("document.querySelector('[data-step=\"-1\"]').click()")
    assert tab.run(name) == f"{first[1]} (2 of 31)"
    tab.run(
        "const s = document.getElementById('strip-dataset'); s.value = 'flowers'; s.dispatchEvent(new Event('change'))"
    )
    tab.run("document.querySelector('[data-name=flowers] [data-goto]').click()")
    shown = tab.run(name).partition(" (")[0]
    table = pandas.read_csv(folder / "data/metrics/alpha/plain/flowers.csv", index_col="name")
    assert shown == table["lpips_alex"].idxmax(), "the worst picture of the best method"
    tab.wait("[...document.querySelectorAll('.reel:not([hidden]) img')].every(i => i.complete && i.naturalWidth)")
    assert not tab.errors


def test_gray_has_numbers_where_it_was_measured(folder, tab):
    tab.open(folder / "pictures-faces.html")
    caption = "document.querySelector('#rows figure figcaption').textContent"
    table = pandas.read_csv(folder / "data/metrics/gray/plain/faces.csv", index_col="name")
    assert tab.run(caption).startswith("Gray") and f"{table['psnr'].iloc[0]:.2f}" in tab.run(caption)


def test_everything_is_reached_by_tab_and_shows_its_focus(folder, tab):
    tab.open(folder / "pictures-faces.html")
    seen = []
    for _ in range(40):
        tab.press("Tab")
        seen.append(tab.run("document.activeElement.id || document.activeElement.textContent.trim().slice(0, 20)"))
        outline = tab.run("getComputedStyle(document.activeElement).outlineStyle")
        assert outline not in ("none", ""), seen[-1]
    for wanted in ("theme", "sort", "rows"):
        assert wanted in seen
    names = tab.run(
        "[...document.querySelectorAll('button, select, input')].filter(e => !(e.textContent.trim() || e.ariaLabel || "
        "e.labels?.length)).map(e => e.outerHTML)"
    )
    assert not names, "a control without a name"


def test_the_scheme_changes_by_button_and_stays(folder, tab):
    tab.open(folder / "index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = tab.run(ground)
    tab.run("document.getElementById('theme').click()")
    dark = tab.run(ground)
    assert dark != light
    tab.open(folder / "plots.html")
    assert tab.run(ground) == dark
    tab.run("document.getElementById('theme').click()")
    assert tab.run(ground) == light
    tab.run("localStorage.clear()")


def test_the_headline_shows_the_chosen_metric(folder, tab):
    tab.open(folder / "index.html")
    assert not tab.run("document.querySelector('[data-name=lpips_alex]').hidden")
    tab.run("const s = document.getElementById('metric'); s.value = 'cnr_96'; s.dispatchEvent(new Event('change'))")
    assert tab.run("document.querySelector('[data-name=lpips_alex]').hidden")
    assert not tab.run("document.querySelector('[data-name=cnr_96]').hidden")


def test_it_prints(folder, tab):
    import base64

    for page in sorted(folder.glob("*.html")):
        tab.open(page)
        printed = base64.b64decode(tab.call("Page.printToPDF", printBackground=True)["data"])
        assert printed.startswith(b"%PDF") and len(printed) > 10_000, page.name
