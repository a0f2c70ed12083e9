"""Weight files: where they are looked for, how they are fetched from servers that fail, how they are loaded."""

import hashlib
import http.server
import os
import re
import threading

import pytest
import safetensors.torch
import torch

from ccc import weights
from ccc.errors import CCCError, MissingWeights

CONTENT = b"\x80" + os.urandom(300_000)  # begins as a pickle does
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No weights anywhere: `$CCC_WEIGHTS` is an empty folder, and so are the caches."""
    monkeypatch.setattr(weights, "_PAUSE", 0)
    folder = tmp_path / "weights"
    monkeypatch.setenv("CCC_WEIGHTS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    return folder


class Server(http.server.ThreadingHTTPServer):
    """Serves CONTENT in the manner that the path names; `requests` lists each path with the range asked for."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.failures = [], 1

    def address(self, manner: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{manner}"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # each answer ends with its connection
    server: Server

    def log_message(self, *args):
        pass

    def do_GET(self):
        manner, asked = self.path.strip("/"), self.headers.get("Range")
        self.server.requests.append((manner, asked))
        if manner == "missing":
            return self.send_error(404)
        if manner == "redirect":
            self.send_response(302)
            self.send_header("Location", self.server.address("good"))
            return self.end_headers()
        if manner == "busy" and self.server.failures:
            self.server.failures -= 1
            return self.send_error(503)
        content = {"wrong": b"\x80" + b"x" * 1000, "page": b"<!DOCTYPE html><p>Sign in"}.get(manner, CONTENT)
        start = 0
        if asked and manner != "no_ranges":
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1])
            if self.headers.get("If-Range", '"1"') != '"1"':
                start = 0
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
        if manner in ("breaks", "no_ranges", "no_validator") and self.server.failures:
            self.server.failures -= 1
            part = part[: len(part) // 2]
        self.wfile.write(part)


@pytest.fixture
def server():
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield running
        running.shutdown()


@pytest.fixture
def publish(server, monkeypatch):
    """Make "net" a known file, published in the manners given, with the facts given."""

    def make(*manners, sha256=DIGEST, **facts):
        urls = [server.address(manner) for manner in manners]
        entry = {"file": "net.pth", "urls": urls, "sha256": sha256, "size": None, **facts}
        monkeypatch.setattr(weights, "known", lambda: {"net": entry})

    return make


def test_every_known_file_states_its_facts():
    files = [facts["file"] for facts in weights.known().values()]
    assert len(set(files)) == len(files)
    for name, facts in weights.known().items():
        for key in ("file", "urls", "licence", "source", "used_by"):
            assert facts[key], (name, key)
        assert facts["sha256"] is None or re.fullmatch("[0-9a-f]{8,64}", facts["sha256"]), name
        assert {"size", "at_least"} <= set(facts)


def test_folders_in_order(tmp_path, monkeypatch):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path / "mine"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folders = [tmp_path / "mine", tmp_path / "cache" / "ccc" / "weights", tmp_path / "torch" / "hub" / "checkpoints"]
    assert weights.folders() == folders
    for folder in reversed(folders):
        folder.mkdir(parents=True)
        (folder / "vgg16-397923af.pth").touch()
        assert weights.locate("vgg16") == folder / "vgg16-397923af.pth"
    assert weights.locate("vgg16", tmp_path / "mine" / "vgg16-397923af.pth").parent == tmp_path / "mine"


def test_missing_files_say_how_to_get_them(empty):
    message = "^no weights: siggraph17-df00044c.pth .*`ccc weights fetch zhang`.*`ccc weights fetch zhang --from FILE`"
    with pytest.raises(MissingWeights, match=message):
        weights.locate("zhang")
    with pytest.raises(MissingWeights, match="^no weights: nowhere.pth is not there.*`ccc weights fetch zhang`"):
        weights.locate("zhang", "nowhere.pth")
    with pytest.raises(CCCError, match="no weight file 'zang'"):
        weights.locate("zang")


def test_fetch_tells_its_progress_and_does_not_fetch_twice(empty, server, publish):
    publish("good")
    seen = []
    path = weights.fetch("net", progress=lambda done, total: seen.append((done, total)))
    assert path == empty / "net.pth" == weights.locate("net")
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert weights.fetch("net") == path and len(server.requests) == 1
    assert sorted(file.name for file in empty.iterdir()) == ["net.pth"]
    in_cache = weights.folders()[1] / "net.pth"
    in_cache.parent.mkdir(parents=True)
    path.rename(in_cache)
    assert weights.fetch("net") == in_cache and len(server.requests) == 1


@pytest.mark.parametrize("manner", ["redirect", "no_length", "busy", "breaks", "no_ranges", "no_validator"])
@pytest.mark.parametrize("sha256", [DIGEST, DIGEST[:8], None])
def test_servers_that_fail_once(empty, server, publish, manner, sha256):
    publish(manner, sha256=sha256)
    assert weights.fetch("net").read_bytes() == CONTENT


def test_a_transfer_that_breaks_off_is_taken_up_where_it_stopped(empty, server, publish):
    publish("breaks")
    weights.fetch("net")
    (first, second) = server.requests
    assert first == ("breaks", None)
    start = int(re.fullmatch(r"bytes=(\d+)-", second[1])[1])
    assert len(CONTENT) / 2 - 2**16 < start <= len(CONTENT) / 2


def test_a_later_call_takes_up_what_an_earlier_one_left(empty, server, publish):
    publish("breaks")
    server.failures = 100
    with pytest.raises(CCCError, match="net.pth could not be fetched .*the transfer broke off.* --from FILE"):
        weights.fetch("net")
    left = (empty / ".net.pth.part").stat().st_size
    assert 0 < left < len(CONTENT)
    server.failures = 0
    assert weights.fetch("net").read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={left}-"


def test_mirrors_are_tried_in_turn(empty, server, publish):
    publish("missing", "page", "wrong", "good")
    assert weights.fetch("net").read_bytes() == CONTENT
    assert [manner for manner, _ in server.requests] == ["missing", "page", "wrong", "good"]


def test_every_address_is_named_with_its_reason_where_none_gives_the_file(empty, publish):
    publish("missing", "page", "wrong")
    message = r"missing: status 404 Not Found; .*page: .*not a .pth file.*; .*wrong: .*sha256 [0-9a-f]{64}"
    with pytest.raises(CCCError, match=message):
        weights.fetch("net")
    assert not list(empty.glob("*.pth")) and not list(empty.glob(".*.part"))


def test_a_part_of_another_file_is_thrown_away(empty, server, publish):
    publish("good")
    empty.mkdir()
    (empty / ".net.pth.part").write_bytes(b"\x80" + b"y" * 1000)
    assert weights.fetch("net").read_bytes() == CONTENT
    (empty / "net.pth").unlink()
    (empty / ".net.pth.part").write_bytes(CONTENT + b"more")
    assert weights.fetch("net").read_bytes() == CONTENT


def test_without_a_published_checksum_the_first_download_is_recorded(empty, publish):
    publish("good", sha256=None)
    path = weights.fetch("net")
    assert (empty / "net.pth.sha256").read_text() == f"{DIGEST}  net.pth\n"
    assert "as recorded at its first download" in weights.verify("net")
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(CCCError, match=f"but {DIGEST} was recorded at its first download"):
        weights.verify("net")
    path.unlink()
    publish("wrong", sha256=None)
    with pytest.raises(CCCError, match="recorded at the first download"):
        weights.fetch("net")


def test_a_file_at_hand_is_checked_and_copied(empty, tmp_path, publish):
    publish()
    (tmp_path / "download.bin").write_bytes(CONTENT)
    assert weights.fetch("net", source=tmp_path / "download.bin", folder=tmp_path / "other").read_bytes() == CONTENT
    (tmp_path / "download.bin").write_bytes(CONTENT[:-1])
    with pytest.raises(CCCError, match="download.bin: sha256"):
        weights.fetch("net", source=tmp_path / "download.bin")
    assert not (empty / "net.pth").exists()
    with pytest.raises(CCCError, match="no such file"):
        weights.fetch("net", source=tmp_path / "none")


def test_verify_compares_size_beginning_and_checksum(empty, tmp_path, publish):
    path = tmp_path / "net.pth"
    path.write_bytes(CONTENT)
    publish(size=len(CONTENT))
    assert "sha256 as published" in weights.verify("net", path)
    publish(sha256=DIGEST[:8])
    assert "first 8 digits of the sha256 as published" in weights.verify("net", path)
    publish(sha256=None, md5=hashlib.md5(CONTENT).hexdigest())
    assert "md5 as published" in weights.verify("net", path)
    publish(sha256=None)
    assert "no checksum was published" in weights.verify("net", path)
    for facts in ({"size": 7}, {"at_least": 10**6}, {"sha256": "0" * 64}, {"md5": "0" * 32}):
        publish(**facts)
        with pytest.raises(CCCError, match="net.pth: .*`ccc weights fetch net`"):
            weights.verify("net", path)


def test_a_torch_file_without_its_end_is_told_without_a_checksum(tmp_path, publish):
    torch.save({"weight": torch.zeros(1000)}, tmp_path / "net.pth")
    publish(sha256=None)
    weights.verify("net", tmp_path / "net.pth")
    (tmp_path / "net.pth").write_bytes((tmp_path / "net.pth").read_bytes()[:-50])
    with pytest.raises(CCCError, match="truncated"):
        weights.verify("net", tmp_path / "net.pth")


def test_two_at_once_do_not_write_the_same_file(empty, publish):
    fcntl = pytest.importorskip("fcntl")
    publish("good")
    empty.mkdir()
    with open(empty / ".net.pth.part.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(CCCError, match="net is being fetched by another process"):
            weights.fetch("net")
    assert weights.fetch("net").read_bytes() == CONTENT


# --- loading ---


@pytest.fixture
def layer():
    return torch.nn.Linear(3, 2)


def test_load_every_layout(tmp_path, layer):
    state = {key: torch.rand_like(value) for key, value in layer.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "a.pth")
    torch.save(state, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    torch.save({"params": state, "epoch": 3}, tmp_path / "wrapped.pth")
    torch.save({f"module.{key}": value for key, value in state.items()}, tmp_path / "parallel.pth")
    for name, options in {
        "a.safetensors": {},
        "a.pth": {"unwrap": ("params", "model")},
        "old.pth": {},
        "wrapped.pth": {"unwrap": ("model", "params")},
        "parallel.pth": {"strip_prefix": "module."},
    }.items():
        torch.nn.init.zeros_(layer.weight)
        weights.load_state_dict(tmp_path / name, layer, **options)
        torch.testing.assert_close(layer.weight.detach(), state["weight"])


def test_the_first_key_that_does_not_fit_is_named(tmp_path, layer):
    path = tmp_path / "a.pth"
    for state, message in (
        ({"weight": torch.zeros(2, 3)}, "bias is missing"),
        ({"weight": torch.zeros(3, 2), "bias": torch.zeros(2)}, r"weight has shape \(3, 2\), not \(2, 3\)"),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)}, "more is left over"),
    ):
        torch.save(state, path)
        with pytest.raises(CCCError, match=f"a.pth: not the weights of this network: {message}"):
            weights.load_state_dict(path, layer)


class Evil:
    def __reduce__(self):
        return (os.system, ("exit 1",))


def test_files_that_are_no_weights_are_refused_in_one_line(tmp_path, layer):
    path = tmp_path / "a.pth"
    torch.save(layer.state_dict(), path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"<html>not found</html>", b"\x80\x02", os.urandom(100)):
        path.write_bytes(content)
        with pytest.raises(CCCError, match=r"a.pth: not a file of weights that can be loaded safely") as caught:
            weights.load_state_dict(path, layer)
        assert "\n" not in str(caught.value)
    torch.save({"weight": Evil()}, path)
    with pytest.raises(CCCError, match="loaded safely"):
        weights.load_state_dict(path, layer)
    torch.save([1, 2], path)
    with pytest.raises(CCCError, match="holds no state dict"):
        weights.load_state_dict(path, layer)
    (tmp_path / "a.safetensors").write_bytes(whole)
    with pytest.raises(CCCError, match="a.safetensors: not a file of weights"):
        weights.load_state_dict(tmp_path / "a.safetensors", layer)
