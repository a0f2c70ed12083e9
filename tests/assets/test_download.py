"""Downloads from servers that fail: resumed, checked, whole or not at all."""

import hashlib
import io
import os
import re
import subprocess
import sys

import pytest
import requests

from ccc.assets.catalogue import check
from ccc.assets.download import download
from ccc.core.errors import CCCError

CONTENT = os.urandom(300_000)
DIGEST = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


def fetch(urls, target, progress=None, **facts):
    """Download a file of which these facts are known."""
    download(urls, target, lambda path: check(path, facts, target), facts, progress)


@pytest.fixture
def urls(server):
    """Addresses of CONTENT in the manners given; "wrong" is that of another file."""
    server.files |= {"file": CONTENT, "wrong": b"x" * 1000}

    def make(*manners: str) -> list[str]:
        return [
            server.address("good", "wrong") if each == "wrong" else server.address(each, "file") for each in manners
        ]

    return make


def test_a_file_comes_whole_and_tells_its_progress(urls, tmp_path):
    seen = []
    target = tmp_path / "folder" / "file.bin"
    fetch(urls("good"), target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT)) and len(seen) > 1
    assert os.listdir(target.parent) == ["file.bin"]


@pytest.mark.parametrize("manner", ["redirect", "no_length", "busy", "breaks", "no_ranges", "no_validator"])
@pytest.mark.parametrize("facts", [{}, {"sha256": DIGEST}, {"sha256": DIGEST[:8], "size": len(CONTENT)}, {"md5": MD5}])
def test_servers_that_fail_once(urls, tmp_path, manner, facts):
    fetch(urls(manner), tmp_path / "file", **facts)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_transfer_that_breaks_off_is_taken_up_where_it_stopped(server, urls, tmp_path):
    fetch(urls("breaks"), tmp_path / "file")
    (first, second) = server.requests
    assert first == ("breaks", None)
    start = int(re.fullmatch(r"bytes=(\d+)-", second[1])[1])
    assert len(CONTENT) / 2 - 2**16 < start <= len(CONTENT) / 2


def test_a_later_call_takes_up_what_an_earlier_one_left(server, urls, tmp_path):
    server.failures = 100
    with pytest.raises(CCCError, match="file could not be fetched .*the transfer broke off"):
        fetch(urls("breaks"), tmp_path / "file")
    left = (tmp_path / ".file.part").stat().st_size
    assert 0 < left < len(CONTENT) and not (tmp_path / "file").exists()
    server.failures = 0
    fetch(urls("breaks"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert server.requests[-1][1] == f"bytes={left}-"


def test_addresses_are_tried_in_turn(server, urls, tmp_path):
    dead = "http://127.0.0.1:9/file"
    fetch([dead, *urls("missing", "page", "wrong", "good")], tmp_path / "file", sha256=DIGEST)
    assert [manner for manner, _ in server.requests] == ["missing", "page", "good", "good"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_every_address_is_named_with_its_reason_where_none_gives_the_file(urls, tmp_path):
    dead = "http://127.0.0.1:9/file"
    message = r"^file could not be fetched \(.*:9/file: no connection; .*missing/file: status 404 Not Found; "
    message += r".*page/file: what it serves is wrong: sha256 [0-9a-f]{64}, where .*; .*wrong: what it serves"
    with pytest.raises(CCCError, match=message):
        fetch([dead, *urls("missing", "page", "wrong")], tmp_path / "file", sha256=DIGEST)
    assert [name for name in os.listdir(tmp_path) if name.endswith("part")] == [] and not (tmp_path / "file").exists()
    with pytest.raises(CCCError, match="page/file: it serves 25 bytes, where 300,000 are expected"):
        fetch(urls("page"), tmp_path / "file", size=len(CONTENT))


def test_a_part_of_another_file_is_thrown_away(urls, tmp_path):
    for part in (b"y" * 1000, CONTENT + b"more"):
        (tmp_path / ".file.part").write_bytes(part)
        fetch(urls("good"), tmp_path / "file", sha256=DIGEST)
        assert (tmp_path / "file").read_bytes() == CONTENT


def test_what_came_may_be_refused_and_what_was_there_stays(urls, tmp_path):
    (tmp_path / "file.zip").write_bytes(b"old")
    with pytest.raises(CCCError, match=r"good/file: what it serves is wrong: not a .zip file, it begins with b.*\)"):
        fetch(urls("good"), tmp_path / "file.zip")
    assert (tmp_path / "file.zip").read_bytes() == b"old"


@pytest.mark.parametrize("size", [None, len(CONTENT)])
def test_a_server_that_never_ends_is_given_up(urls, tmp_path, monkeypatch, size):
    monkeypatch.setattr("ccc.assets.download._LARGEST", 2_000_000)
    most = "300,000 bytes, where no more" if size else "2,000,000 bytes, where fewer"
    with pytest.raises(CCCError, match=f"endless/file: it serves more than {most} are expected"):
        fetch(urls("endless"), tmp_path / "file", size=size)
    assert os.listdir(tmp_path) == []


def test_a_server_that_trickles_is_given_up_and_the_next_one_is_tried(urls, tmp_path, monkeypatch):
    monkeypatch.setattr("ccc.assets.download._SLOWEST", (1_000_000, 0.2))
    fetch(urls("trickle", "good"), tmp_path / "file", sha256=DIGEST)
    assert (tmp_path / "file").read_bytes() == CONTENT
    with pytest.raises(CCCError, match="trickle/file: it sends less than 1,000,000 bytes a second"):
        fetch(urls("trickle"), tmp_path / "other")
    monkeypatch.setattr("ccc.assets.download._SLOWEST", (1, 60))
    monkeypatch.setattr("ccc.assets.download._LONGEST", 0.2)
    with pytest.raises(CCCError, match="trickle/file: it takes longer than "):
        fetch(urls("trickle"), tmp_path / "third")


def test_a_server_that_always_starts_over_is_given_up(server, urls, tmp_path):
    with pytest.raises(CCCError, match="over/file: the transfer broke off"):
        fetch(urls("over"), tmp_path / "file", sha256=DIGEST)
    assert len(server.requests) < 10


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://127.0.0.1/file", "data:,file", "FILE:///etc/hostname"])
def test_other_addresses_are_refused_at_once(server, urls, tmp_path, url):
    with pytest.raises(CCCError, match=f"^{url}: not an address of http or https"):
        fetch([*urls("good"), url], tmp_path / "file")
    assert server.requests == [] and os.listdir(tmp_path) == []


@pytest.mark.parametrize("to", ["http://127.0.0.1/file", "file:///etc/hostname", "ftp://127.0.0.1/file"])
def test_https_never_falls_to_anything_else(monkeypatch, tmp_path, to):
    asked = []

    def send(adapter, request, **_):
        asked.append(request.url)
        answer = requests.Response()
        answer.status_code, answer.url, answer.headers["Location"] = 302, request.url, to
        answer.raw, answer.request = io.BytesIO(b""), request
        return answer

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", send)
    with pytest.raises(CCCError, match=f"it leads from https to {to}, which is refused"):
        fetch(["https://127.0.0.1/file"], tmp_path / "file")
    assert asked == ["https://127.0.0.1/file"] and os.listdir(tmp_path) == []


def test_plain_http_without_a_checksum_warns_before_it_starts(server, urls, tmp_path, capsys):
    fetch(urls("good"), tmp_path / "file", sha256=DIGEST)
    assert "warning" not in capsys.readouterr().err
    seen = []
    fetch(urls("good"), tmp_path / "other", progress=lambda done, total: seen.append(capsys.readouterr().err))
    assert "/good/file: plain http, and no checksum is known" in seen[0]


def test_a_broken_note_beside_a_part_is_no_obstacle(urls, tmp_path):
    (tmp_path / ".file.part").write_bytes(CONTENT[:1000])
    for note in (b"{", b"[]", b'{"url": 1, "validator": [2]}', b"\xff"):
        (tmp_path / ".file.part.json").write_bytes(note)
        fetch(urls("good"), tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == CONTENT and os.listdir(tmp_path) == ["file"]


HOLDER = "import sys, filelock; lock = filelock.FileLock(sys.argv[1]); lock.acquire(); print(flush=True); input()"


def test_two_at_once_do_not_write_the_same_file_and_a_killed_one_holds_nothing(urls, tmp_path):
    lock = tmp_path / ".file.part.lock"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    holder.stdout.readline()
    with pytest.raises(CCCError, match="file: another process is fetching it"):
        fetch(urls("good"), tmp_path / "file")
    holder.kill()
    holder.wait()
    assert lock.exists()
    fetch(urls("good"), tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_check_compares_what_is_known(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    assert "no checksum was published" in check(path, {})
    assert check(path, {"size": len(CONTENT), "sha256": DIGEST, "md5": MD5}) == "sha256 as published"
    assert check(path, {"sha256": DIGEST[:8].upper()}) == "first 8 digits of the sha256 as published"
    for facts in ({"size": 7}, {"sha256": "0" * 64}, {"md5": "0" * 32}):
        with pytest.raises(CCCError, match="file: .* expected"):
            check(path, facts)
