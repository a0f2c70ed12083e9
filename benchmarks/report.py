"""How heavy and how quick the report of a whole benchmark is: 9 methods, 2 variants, 5 datasets, 50 pictures each.

    python benchmarks/report.py

Prints the seconds that the pages take to write, each page's weight without its pictures, the seconds until Chromium
has loaded it from disk, and the same for a plain page that shows all full pictures of one dataset at once. Metrics and
pictures are made up (tests/synthetic.py); the pages say nothing about any method.
"""

import html
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from browser import browser  # noqa: E402
from synthetic import make_results, write_summary  # noqa: E402

from ccc.report.page import write_report  # noqa: E402

METHODS = [f"method {number}" for number in range(1, 10)]
DATASETS = ["ade20k", "celeba", "coco", "flowers102", "imagenet"]
NAMES = [f"picture {number:02d}" for number in range(50)]
ROUNDS = 3


def main():
    with tempfile.TemporaryDirectory() as folder:
        root = make_results(Path(folder) / "results", METHODS, DATASETS, NAMES, side=256)
        cells = sorted((root / "metrics").rglob("*.json"))
        start = time.perf_counter()
        summary = write_summary(root, "large")
        print(f"summary written in {time.perf_counter() - start:.1f} s")
        start = time.perf_counter()
        page = write_report(
            summary, Path(folder) / "report", root, codebook=root / "codebook.json", training=root / "train"
        )
        print(f"{len(cells)} cells of {len(NAMES)} pictures: pages written in {time.perf_counter() - start:.1f} s")
        naive = page.with_name("naive.html")
        pictures = sorted((page.parent / "pictures").glob("*/*/ade20k/picture/*.png"))
        rows = "".join(f'<img src="{html.escape(file.relative_to(page.parent).as_posix())}">' for file in pictures)
        naive.write_text(f"<!doctype html><title>all</title>{rows}")
        with browser() as tab:
            seconds = {}
            for file in [*sorted(page.parent.glob("*.html"))]:
                seconds[file.name] = min(tab.open(file) for _ in range(ROUNDS))
                name = "a plain page of all full pictures" if file == naive else file.name
                print(f"  {name:<36} {file.stat().st_size / 1e6:6.3f} MB  loaded in {seconds[file.name]:.2f} s")
        ratio = seconds["naive.html"] / seconds["pictures-ade20k.html"]
        print(f"pictures-ade20k.html opens {ratio:.1f} times as fast as the plain page of its {len(pictures)} pictures")


if __name__ == "__main__":
    main()
