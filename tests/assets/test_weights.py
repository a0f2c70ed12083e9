"""Weight files: where they are looked for, how they are fetched, checked and loaded."""

import errno
import hashlib
import os
import re
import subprocess
import sys
from unittest.mock import Mock, patch

import numpy as np
import pytest
import safetensors.torch
import torch

from ccc.assets import catalogue, weights
from ccc.cli import main
from ccc.core import files
from ccc.core.errors import CCCError, MissingWeights
from ccc.core.images import write_png

CONTENT = b"\x80" + os.urandom(300_000)  # begins as a pickle does
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def empty(tmp_path, monkeypatch):
    """No weights anywhere: `$CCC_WEIGHTS` is an empty folder, and so are the caches."""
    folder = tmp_path / "weights"
    monkeypatch.setenv("CCC_WEIGHTS", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("TORCH_HOME", raising=False)
    return folder


@pytest.fixture
def publish(server, monkeypatch):
    """Make "net" a known file, published in the manners given, "wrong" for another file, with the facts given."""
    server.files |= {"net.pth": CONTENT, "wrong": b"\x80" + b"x" * 1000}

    def make(*manners, sha256=DIGEST, **facts):
        urls = [
            server.address("good", "wrong") if manner == "wrong" else server.address(manner, "net.pth")
            for manner in manners
        ]
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


def test_reasons_in_tables_do_not_name_a_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path / "mine"))
    with pytest.raises(MissingWeights, match=r"is not in ~/mine: get it"):
        weights.locate("vgg16")


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


def test_every_address_is_named_with_its_reason_where_none_gives_the_file(empty, publish):
    publish("missing", "page", "wrong")
    message = r"missing.net.pth: status 404 Not Found; .*page.net.pth: .*not a .pth file.*; .*good.wrong: .*sha256 "
    with pytest.raises(CCCError, match=message):
        weights.fetch("net")
    assert not list(empty.glob("*.pth")) and not list(empty.glob(".*.part"))


def test_a_mirror_goes_before_the_known_addresses_and_all_are_tried(empty, server, publish, capsys):
    publish("missing", "good")
    mirror = server.address("page", "")  # has a page under every name
    assert main(["weights", "fetch", "--all", "--from-mirror", mirror]) == 0
    assert [manner for manner, _ in server.requests] == ["page", "missing", "good"]
    assert capsys.readouterr().out == f"{empty / 'net.pth'}: sha256 as published\n"
    (empty / "net.pth").unlink()
    publish("missing")
    assert main(["weights", "fetch", "--all"]) == 2
    assert "net: net.pth could not be fetched" in capsys.readouterr().out
    for words in (["fetch", "net", "--all"], ["list", "--all"], ["path", "net", "--from-mirror", mirror]):
        assert main(["weights", *words]) == 2
        assert " works only with fetch" in capsys.readouterr().err


def test_without_a_published_checksum_the_first_download_is_recorded(empty, publish):
    publish("good", sha256=None)
    path = weights.fetch("net")
    assert (empty / "net.pth.sha256").read_text() == f"{DIGEST}  net.pth\n"
    assert "as recorded when it was first seen" in weights.verify("net")
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(CCCError, match=f"but {DIGEST} was recorded when it was first seen"):
        weights.verify("net")
    path.unlink()
    publish("wrong", sha256=None)
    with pytest.raises(CCCError, match="recorded when it was first seen"):
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


def test_the_file_at_hand_stays_as_it_was_and_apart_from_its_copy(empty, tmp_path, publish):
    publish()
    (own := tmp_path / "download.bin").write_bytes(CONTENT)
    own.chmod(0o400)
    copy = weights.fetch("net", source=own)
    assert own.stat().st_mode & 0o777 == 0o400 and not copy.samefile(own)
    with own.open("r+b") as file:  # root writes it anyway
        file.write(b"?")
    assert copy.read_bytes() == CONTENT


def test_a_copy_under_way_is_not_swept_away(empty, tmp_path, publish, monkeypatch):
    """Another process removes what it can lock: the files of killed writers."""
    publish()
    (tmp_path / "download.bin").write_bytes(CONTENT)
    whole = catalogue.shutil.copyfile
    monkeypatch.setattr(os, "link", Mock(side_effect=OSError(errno.EXDEV, "across file systems")))
    monkeypatch.setattr(catalogue.shutil, "copyfile", lambda *paths: (whole(*paths), files._sweep.__wrapped__(empty)))
    assert weights.fetch("net", source=tmp_path / "download.bin").read_bytes() == CONTENT


def test_an_empty_record_of_a_checksum_is_named(empty, publish):
    publish("good", sha256=None)
    weights.fetch("net")
    (empty / "net.pth.sha256").write_text("")
    with pytest.raises(CCCError, match=r"net\.pth\.sha256: empty, .*delete it"):
        weights.verify("net")
    (empty / "net.pth.sha256").unlink()
    weights.locate("net")
    assert (empty / "net.pth.sha256").read_text().startswith(DIGEST)


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
        ({"weight": torch.zeros(2, 3)}, 'Missing key.*"bias"'),
        (
            {"weight": torch.zeros(3, 2), "bias": torch.zeros(2)},
            r"size mismatch for weight: .*\(\[3, 2\]\).*\(\[2, 3\]\)",
        ),
        ({"weight": torch.zeros(2, 3), "bias": torch.zeros(2), "more": torch.zeros(1)}, 'Unexpected key.*"more"'),
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
    with pytest.raises(CCCError, match="refused: its pickle names posix.system, "):
        weights.load_state_dict(path, layer)
    torch.save([1, 2], path)
    with pytest.raises(CCCError, match="holds no state dict"):
        weights.load_state_dict(path, layer)
    (tmp_path / "a.safetensors").write_bytes(whole)
    with pytest.raises(CCCError, match="a.safetensors: not a file of weights"):
        weights.load_state_dict(tmp_path / "a.safetensors", layer)


HOMELESS = """
import os, sys
os.setreuid(54321, 0)  # the real one decides whose home it is, the effective one what can be read
from ccc.cli import main
sys.exit(main(sys.argv[1:]))
"""


def homeless(*words, **environment):
    """Run `ccc` as a user without HOME and without an entry among the users."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        pytest.skip("only root can become a user without an entry")
    kept = {name: value for name, value in os.environ.items() if name not in HOME_NAMES}
    run = subprocess.run(
        [sys.executable, "-c", HOMELESS, *words], env=kept | environment, capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in run.stderr, run.stderr
    return run


HOME_NAMES = ("HOME", "USER", "LOGNAME", "XDG_CACHE_HOME", "TORCH_HOME", "CCC_WEIGHTS", "CCC_DATA")


def test_a_user_without_a_home_sees_lists_and_is_told_what_to_set(tmp_path):
    for words in (["methods"], ["weights"], ["colorize", "--help"], ["data", "--help"]):
        run = homeless(*words)
        assert run.returncode == 0 and not run.stderr, (words, run.stderr)
    for words in (["weights", "fetch", "cic"], ["weights", "path", "cic"]):
        run = homeless(*words)
        assert run.returncode == 2 and len(run.stderr.splitlines()) == 1, run.stderr
        assert "this user has no home" in run.stderr and "set CCC_WEIGHTS" in run.stderr
    (tmp_path / "colorization_release_v2-9b330a0b.pth").write_bytes(b"x")
    assert homeless("weights", "path", "cic", CCC_WEIGHTS=str(tmp_path)).returncode == 0


def test_without_fcntl_files_are_written_whole(tmp_path):
    code = f"""
import sys
sys.modules["fcntl"] = None
from pathlib import Path
from ccc.core import files
files.write_text({str(tmp_path / "a.txt")!r}, "a")
with files.folder_aside({str(tmp_path)!r}) as aside:
    (aside / "b").touch()
    files.put_folder(aside, Path({str(tmp_path / "folder")!r}))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "a.txt").read_text() == "a" and (tmp_path / "folder" / "b").exists()


def test_a_shard_is_written_where_no_cache_can_be_kept(tmp_path):
    for number in range(2):
        picture = np.random.default_rng(number).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        write_png(tmp_path / "in" / f"{number}.png", picture)
    nowhere = "/dev/null/cache"  # cannot be made, not even by root
    caches = dict.fromkeys(("XDG_CACHE_HOME", "NUMBA_CACHE_DIR", "MPLCONFIGDIR", "TORCH_HOME"), nowhere)
    caches |= {"HOME": "/dev/null", "NUMBA_CACHE_LOCATOR_CLASSES": "_UserProvidedCacheLocator"}  # nor beside the source
    words = ["shard", str(tmp_path / "in"), "-o", str(tmp_path / "out.tar"), "--size", "64"]
    run = subprocess.run(
        [sys.executable, "-m", "ccc", *words], env=os.environ | caches, capture_output=True, text=True, timeout=300
    )
    assert run.returncode == 0 and "2 samples" in run.stdout + run.stderr, run.stderr


def test_a_checksum_is_recorded_once_for_a_file_in_a_folder_that_cannot_be_written(empty, publish, tmp_path):
    """Else every command, and every parse of the Snakefile, reads the whole file."""
    publish(sha256=None)
    path = empty / "net.pth"
    (empty / "net.pth.sha256").mkdir(parents=True)  # takes no record, from root neither
    path.write_bytes(CONTENT)
    with patch.dict(os.environ, XDG_CACHE_HOME=str(tmp_path / "home")):
        assert catalogue.record(path, weights.facts("net")) == DIGEST
        with patch.object(catalogue, "_digest", side_effect=AssertionError("read again")):
            assert weights.locate("net") == path
        path.write_bytes(CONTENT[:-1] + b"?")
        with pytest.raises(CCCError, match=f"{DIGEST} was recorded when it was first seen, in {tmp_path}/home/ccc/"):
            weights.verify("net")


def test_a_cache_that_may_not_be_searched_holds_no_record(empty, publish, tmp_path):
    publish(sha256=None)
    empty.mkdir(exist_ok=True)
    (empty / "net.pth").write_bytes(CONTENT)
    closed, stat = str(tmp_path / "closed"), os.stat

    def denied(path, *args, **options):
        if str(path).startswith(closed):
            raise PermissionError(13, "Permission denied", str(path))
        return stat(path, *args, **options)

    with patch.dict(os.environ, XDG_CACHE_HOME=closed), patch("os.stat", denied):
        assert "none recorded" in weights.verify("net", empty / "net.pth")
        assert catalogue.record(empty / "net.pth", weights.facts("net")) == DIGEST
