"""Every published weight file, as a replica: from a server through fetch, checksum and loader to a picture."""

import hashlib
import os
import pickle
import posixpath
import re
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import replicas
import torch

from ccc import colorizers
from ccc.assets import weights
from ccc.cli import main
from ccc.core.errors import CCCError
from ccc.core.images import read_rgb, write_png

pytestmark = pytest.mark.slow

CONTAINERS = {"zip": "torch's zip", "legacy": "torch's own before 1.6, pickle protocol 2"}
CONTAINER = {
    "inception_torchvision": "zip",
    **dict.fromkeys(("su_mmagic", "alexnet", "sam_vit_h", "sam_vit_l", "sam_vit_b", "mobile_sam"), "zip"),
    **dict.fromkeys(("ddcolor_paper", "ddcolor_modelscope", "ddcolor_artistic", "ddcolor_tiny"), "zip"),
    **dict.fromkeys(("su", "larsson", "iizuka", "iizuka_imagenet"), None),
}
GLOBALS = {"collections.OrderedDict", "torch.FloatStorage", "torch.LongStorage", "torch._utils._rebuild_tensor_v2"}
QUICK = {"deoldify": ["render_factor=4"], "ddcolor": ["input_size=256"]}
METHODS = {name: method for method in colorizers.names() for name in colorizers.info(method).weights}


def test_every_entry_of_the_catalogue_has_a_replica():
    assert set(replicas.REPLICAS) == set(weights.known())
    for name, facts in weights.known().items():
        assert facts["layout"] and re.match(r"20\d\d-\d\d: ", facts["checked"]), name


def test_the_page_of_methods_lists_every_file_with_its_checksum():
    page = (Path(__file__).parents[2] / "docs/methods.md").read_text(encoding="utf-8")
    rows = {row.split("`")[1]: row.split(" | ")[1] for row in page.splitlines() if row.startswith("| `") and "." in row}
    for facts in weights.known().values():
        digest = facts["sha256"] or (f"md5 {facts['md5']}" if facts.get("md5") else "none published")
        assert digest.startswith(rows[facts["file"]]) and len(rows[facts["file"]]) >= 8, facts["file"]


@pytest.fixture
def published(tmp_path, server, monkeypatch):
    """Publish the replica of an entry: its content is served, and the catalogue has its size and checksum."""
    for variable in ("CCC_WEIGHTS", "XDG_CACHE_HOME", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path / variable))

    def make(name: str):
        path = replicas.write(name, tmp_path)
        server.files[path.name] = content = path.read_bytes()
        path.unlink()
        facts = weights.facts(name) | {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        facts |= {"at_least": None, "md5": None, "urls": [server.address("good", path.name)]}
        known = weights.known() | {name: facts}
        monkeypatch.setattr(weights, "known", lambda: known)

    return make


@pytest.mark.parametrize("name", weights.known())
def test_a_replica_goes_from_its_server_to_a_picture(name, published, tmp_path, capsys, astronaut):
    published(name)
    assert main(["weights", "fetch", name]) == 0
    assert "sha256 as published" in capsys.readouterr().out
    if name not in METHODS:
        assert main(["weights", "inspect", name]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[2] == f"published as {name}: sha256 as published" and lines[-1] == f"loader of {name}: loads"
        container = next(line for line in lines if line.startswith("container: "))
        assert CONTAINERS[CONTAINER.get(name, "legacy")] in container
        (names,) = (line.removeprefix("globals: ").split(", ") for line in lines if line.startswith("globals: "))
        assert set(names) <= GLOBALS
        return
    method = METHODS[name]
    info = colorizers.info(method)
    options = [f"model={info.models[info.weights.index(name)]}"] if info.models else []
    words = [word for option in options + QUICK.get(method, []) for word in ("--option", option)]
    picture, colored = tmp_path / "picture.png", tmp_path / "colored.png"
    write_png(picture, astronaut[:64, 100:180, 0])
    command = ["colorize", str(picture), "--method", method, "--device", "cpu", "-o", str(colored), *words]
    assert main(command) == 0
    result = read_rgb(colored)
    assert result.shape == (64, 80, 3) and (np.ptp(result.astype(int), axis=-1) > 0).mean() > 0.1  # has got some colour


def test_inspect_tells_what_deoldifys_pickle_names(published, capsys):
    published("deoldify_artistic")
    main(["weights", "fetch", "deoldify_artistic"])
    capsys.readouterr()
    assert main(["weights", "inspect", "deoldify_artistic"]) == 0
    printed = capsys.readouterr().out
    assert "container: torch's own before 1.6, pickle protocol 2\nglobals: __builtin__.slice, collections" in printed
    assert "top: model (OrderedDict of 378), opt (dict of 2)" in printed
    assert "layers.0.0.weight [64, 3, 7, 7] torch.float32" in printed


def test_inspect_shows_every_container(tmp_path, capsys):
    for name, wanted in {
        "su": "checkpoints/coco_finetuned_mask_256_ffs/latest_net_GF.pth:\ncontainer: torch's own",
        "larsson": "container: HDF5\ntensors: 36, .*\n  data/conv1_1/0 \\[64, 1, 3, 3\\] float32",
        "iizuka": "container: Torch7\ntop: mean, model\ntensors: 52, .*\n  0 nn.SpatialConvolution \\[64, 1, 3, 3\\]",
        "mobile_sam": "container: torch's zip \\(archive/data.pkl, .* members\\), pickle protocol 2",
    }.items():
        assert main(["weights", "inspect", str(replicas.write(name, tmp_path))]) == 0
        printed = capsys.readouterr().out
        assert re.search(wanted, printed) and printed.endswith(f"loader of {name}: loads\n")
        assert str(tmp_path) not in printed


def test_inspect_names_the_first_difference(tmp_path, capsys):
    path = tmp_path / "mine.pth"
    path.write_bytes(replicas.plain(replicas.zhang.Siggraph17, legacy=True))
    assert main(["weights", "inspect", str(path), "cic"]) == 2
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("loader of cic: refused: mine.pth: not the weights of this network: Missing key(s)")
    for content, container in (
        (b"<html>sign in", "not known, it begins with b'<html>sign in'"),
        (b"\x80\x02", "torch's"),
    ):
        path.write_bytes(content)
        assert main(["weights", "inspect", str(path), "cic"]) == 2
        printed = capsys.readouterr().out
        assert f"container: {container}" in printed and "loader of cic: refused: mine.pth: not a file of" in printed
        assert "weights_only" not in printed  # torch advises to load it all the same
    cut = replicas.write("larsson", tmp_path)
    cut.write_bytes(cut.read_bytes()[:500])
    assert main(["weights", "inspect", str(cut)]) == 2
    assert "container: HDF5\ncontent: damaged (" in capsys.readouterr().out
    for words in (["inspect"], ["inspect", str(tmp_path / "none")], ["inspect", str(path), "cid"]):
        assert main(["weights", *words]) == 2


class Hostile:
    """Unpickled, it calls what it is given."""

    def __init__(self, function, *arguments):
        self.called = function, arguments

    def __reduce__(self):
        return self.called


@pytest.mark.parametrize("legacy", [False, True])
def test_a_slice_is_taken_and_every_other_global_refused_by_name(legacy, tmp_path, capsys):
    path, mark = tmp_path / "a.pth", tmp_path / "mark"
    state = {"weight": torch.ones(2)}
    path.write_bytes(replicas.saved({"model": state, "opt": {"lr": slice(3e-3)}}, legacy))
    assert weights.read(path)["opt"] == {"lr": slice(None, 3e-3, None)}
    assert torch.equal(weights.read_state_dict(path, unwrap=("model",))["weight"], state["weight"])
    assert slice not in torch.serialization.get_safe_globals()  # only while a file of ours is read
    for function, name in ((eval, "eval"), (getattr, "getattr"), (mark.__class__, "pathlib.PosixPath")):
        path.write_bytes(
            replicas.saved({"model": state, "opt": Hostile(function, f"open({str(mark)!r}, 'w')")}, legacy)
        )
        with pytest.raises(CCCError, match=f"a.pth: refused: its pickle names (builtins.)?{name}, .*weights inspect"):
            weights.read(path)
    path.write_bytes(replicas.saved({"model": state, "opt": Hostile(os.system, f"touch {mark}")}, legacy))
    with pytest.raises(CCCError, match="a.pth: refused: its pickle names posix.system, "):
        weights.read(path)
    assert main(["weights", "inspect", str(path), "cic"]) == 2
    printed = capsys.readouterr().out
    assert re.search("globals: .*posix.system", printed)
    assert "content: not read, a.pth: refused: its pickle names posix.system" in printed
    assert not mark.exists()


def test_what_is_taken_on_trust_is_said_at_the_first_use_and_held_to_after_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    path = replicas.write("su", tmp_path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.locate("su") == weights.locate("su") == path
    said = f"{path}: no checksum is published: taken on trust, its sha256 is {digest}\n"
    assert capsys.readouterr().err == said
    assert (tmp_path / f"{path.name}.sha256").read_text() == f"{digest}  {path.name}\n"
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(CCCError, match=f"{digest} was recorded when it was"):
        weights.verify("su")
    replicas.write("cic", tmp_path)
    assert weights.locate("cic") and not capsys.readouterr().err


def test_half_a_file_is_not_recorded_as_what_was_published(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CCC_WEIGHTS", str(tmp_path))
    path = replicas.write("su", tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert weights.locate("su") == path and not capsys.readouterr().err
    path.write_bytes(whole)
    assert weights.locate("su") == path and "taken on trust" in capsys.readouterr().err


def inspected(capsys, path, status=0) -> str:
    assert main(["weights", "inspect", str(path)]) == status
    return capsys.readouterr().out


def test_inspect_reads_names_that_are_remembered_and_ends_with_what_goes_in_circles(tmp_path, capsys):
    path = tmp_path / "a.pth"
    path.write_bytes(5 * pickle.dumps([posixpath.join, posixpath.split, posixpath.join], 4))
    assert "globals: posixpath.join, posixpath.split\n" in inspected(capsys, path, 2)
    circle = {}
    circle["self"] = circle
    torch.save(circle, path)
    assert inspected(capsys, path).count("top: self") <= 5


def test_inspect_of_a_member_that_is_no_weight_file_and_of_a_folder(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("latest_net_G.pth", "<html>sign in")
    assert "latest_net_G.pth:\ncontainer: not known, it begins with b'<html>sign in'" in inspected(
        capsys, tmp_path / "a.zip", 2
    )
    assert main(["weights", "inspect", str(tmp_path)]) == 2 and "give one of its files" in capsys.readouterr().err


def test_the_status_of_inspect_tells_whether_some_or_all_files_were_refused(tmp_path, capsys):
    good, bad = tmp_path / "good.pth", tmp_path / "bad.pth"
    torch.save({"weight": torch.ones(2)}, good)
    bad.write_bytes(b"<html>sign in")
    for files, status in (([good], 0), ([bad, bad], 2), ([good, bad], 3), ([good, bad, "--allow-skipped"], 0)):
        assert main(["weights", "inspect", *map(str, files)]) == status
    assert main(["weights", "inspect", str(good), "cic", str(good)]) == 3
    capsys.readouterr()


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"archive/{name.replace('_', '.')}", content)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("content", [b"c" + 300_000 * b"a" + b"\nb\n.", b"X\xe0\x93\x04\0" + 300_000 * b"a" + b")R."])
def test_a_name_of_300_kilobytes_is_refused_at_once(content, legacy, tmp_path, capsys):
    path = tmp_path / "a.pth"
    if legacy:
        start = b"".join(
            pickle.dumps(value, 2) for value in (torch.serialization.MAGIC_NUMBER, 1001, {"little_endian": True})
        )
        path.write_bytes(start + b"\x80\x02" + content + pickle.dumps([], 2))
    else:
        zipped(path, data_pkl=b"\x80\x02" + content, version="3", byteorder="little")
    start = time.monotonic()
    with pytest.raises(CCCError, match="its pickle holds a (name|text) of 300,00"):
        weights.read_state_dict(path)
    assert main(["weights", "inspect", str(path)]) == 2
    assert time.monotonic() - start < 10
    assert max(map(len, capsys.readouterr().out.splitlines())) < 2100


def test_what_a_zip_promises_is_checked_before_memory_is_taken(tmp_path, capsys, monkeypatch):
    path = tmp_path / "a.pth"
    zipped(path, data_pkl=bytes(5000))
    monkeypatch.setattr(weights, "PICKLE", 4000)
    with pytest.raises(CCCError, match="a.pth: .*data.pkl of 5,000 bytes is too large"):
        weights.read_state_dict(path)
    assert "content: not read, its archive/data.pkl has 5,000 bytes" in inspected(capsys, path, 2)
    monkeypatch.setattr(weights, "UNPACKED", 100)
    zipped(path, latest_pth=bytes(5000))
    assert "content: damaged (its 1 members unpack to 5,000 bytes, the file has" in inspected(capsys, path, 2)
