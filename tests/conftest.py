"""Fixtures for all tests."""

import contextlib
import http.server
import os
import re
import threading
import time
from pathlib import Path

# One thread, as the jobs of the workflow have: with another number, sums are rounded otherwise. Read once, at import.
os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def shared():
    """Path of a file in the folder of facts and photographs beside the checkout; the test skips where it is absent."""
    folder = Path(os.environ.get("CCC_SHARED", ROOT.parent / "shared"))

    def find(relative: str) -> Path:
        path = folder / relative
        if not path.exists():
            pytest.skip(f"{relative} is not at hand: set CCC_SHARED to the folder that holds it")
        return path

    return find


@pytest.fixture
def astronaut() -> np.ndarray:
    """A photograph that scikit-image ships: uint8 (512, 512, 3)."""
    from skimage import data

    return data.astronaut()


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`, bytes by name, under `address(manner, name)`, in the manner that the address names.

    "good", "redirect" and "no_length" give the file; "missing" and "page" never do; "busy", "breaks", "no_ranges" and
    "no_validator" fail as often as `failures` says; "endless" never stops, "trickle" sends a byte at a time, "over"
    answers any range with the start of the file and breaks off. `requests` lists manner and range of what was asked
    for.
    """

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.requests, self.failures = {}, [], 1

    def address(self, manner: str, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{manner}/{name}"

    def fails(self) -> bool:
        self.failures -= 1
        return self.failures >= 0


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # each answer ends with its connection
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        (_, manner, name), asked = self.path.split("/", 2), self.headers.get("Range")
        self.server.requests.append((manner, asked))
        if manner == "missing" or name not in self.server.files:
            return self.send_error(404)
        if manner == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.address("good", name))
            return self.end_headers()
        if manner == "busy" and self.server.fails():
            return self.send_error(503)
        content = b"<!DOCTYPE html><p>Sign in" if manner == "page" else self.server.files[name]
        if manner in ("endless", "trickle", "over"):
            return self._never_ends(manner, content)
        start = 0
        if asked and manner != "no_ranges" and self.headers.get("If-Range", '"1"') == '"1"':
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
        if start and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            return self.end_headers()
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if manner != "no_length":
            self.send_header("Content-Length", str(len(content) - start))
        if manner != "no_validator":
            self.send_header("ETag", '"1"')
        self.end_headers()
        part = content[start:]
        if manner in ("breaks", "no_ranges", "no_validator") and self.server.fails():
            part = part[: len(part) // 2]
        self.wfile.write(part)

    def _never_ends(self, manner: str, content: bytes):
        self.send_response(200)
        if manner != "endless":
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if manner == "over":
            return self.wfile.write(content[: len(content) // 2])
        with contextlib.suppress(OSError):  # the reader has gone
            while True:
                self.wfile.write(content if manner == "endless" else b"x")
                time.sleep(0.01 if manner == "trickle" else 0)


@pytest.fixture
def server(monkeypatch):
    """A running `Server`; pauses between attempts are none."""
    monkeypatch.setattr("ccc.assets.download._PAUSE", 0)
    with Server() as running:
        threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
        yield running
        running.shutdown()


@pytest.fixture
def sets(tmp_path, monkeypatch):
    """The small sets stand in the catalogue; their files lie in `tmp_path`/origin, and none is at hand."""
    monkeypatch.setenv("CCC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    import small_sets

    from ccc.assets import photographs

    small = small_sets.write(tmp_path / "origin")
    monkeypatch.setattr(photographs, "known", lambda: small)
    return small


@pytest.fixture
def bleeding():
    """A red square on green of the same lightness, its red 4 pixels too wide; the mask of the square, and the truth."""
    from ccc.color import lab_to_rgb, to_uint8
    from ccc.segment.rle import encode, record

    lab = np.full((128, 128, 3), 50, np.float32)
    lab[..., 1:] = -40, 30
    inside = np.zeros((128, 128), bool)
    inside[40:90, 30:100] = True
    truth = lab.copy()
    truth[inside, 1:] = 50, 30
    lab[36:94, 26:104, 1:] = 50, 30
    masks = [record(encode(mask)) for mask in (inside, ~inside)]
    return to_uint8(lab_to_rgb(lab)), to_uint8(lab_to_rgb(truth)), masks, inside


@pytest.fixture
def colored(tmp_path, astronaut, bleeding):
    """A folder of truth, gray, nearest and bilinear colours and harmonized ones of three pictures, with their masks."""
    from ccc.cli import main
    from ccc.color import gray_of
    from ccc.colorizers import oracle
    from ccc.core.images import write_png

    for name, truth in (
        ("a", astronaut[:128, 100:228]),
        ("b", bleeding[1]),
        ("flat", np.full((64, 64, 3), 120, np.uint8)),
    ):
        write_png(tmp_path / "truth" / f"{name}.png", truth)
        write_png(tmp_path / "gray" / f"{name}.png", gray_of(truth))
        for upsample in ("nearest", "bilinear"):
            write_png(tmp_path / upsample / f"{name}.png", oracle.load(upsample=upsample, map_size=14).colorize(truth))
    gray, masks = tmp_path / "gray", tmp_path / "masks.json"
    assert main(["segment", str(gray), "-o", str(tmp_path / "masks"), "--coco", str(masks)]) == 0
    words = [str(gray), str(tmp_path / "bilinear"), "--masks", str(masks), "-o", str(tmp_path / "sam")]
    assert main(["harmonize", *words]) == 0
    return tmp_path
