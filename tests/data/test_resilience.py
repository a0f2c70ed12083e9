"""Hostile sources, killed jobs, many jobs at once: right pictures, counted refusals, whole files, the same bytes."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from odd_pictures import bomb
from PIL import Image

from ccc.cli import main
from ccc.core.files import ASIDE
from ccc.data.index import Index
from ccc.data.shards import make_sample, write_shard
from ccc.data.sources import Source
from ccc.report.training_data import training_data


def saved(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture
def hostile(tmp_path, astronaut):
    """A tar of every awkward member; which are to be read, as RGB; and which are not, with the reason."""
    photograph = Image.fromarray(astronaut[:150, 100:300])
    whole = saved(photograph, "JPEG", quality=95)
    alpha = photograph.convert("RGBA")
    alpha.putalpha(Image.linear_gradient("L").resize(alpha.size))
    turned = Image.Exif()
    turned[0x0112] = 6
    sixteen = np.linspace(0, 65535, 4096).astype(np.uint16).reshape(64, 64)
    corrupt = bytearray(saved(photograph, "PNG"))
    corrupt[5000:5100] = bytes(100)
    good = {
        "plain.jpg": whole,
        "gray.jpg": saved(photograph.convert("L"), "JPEG"),
        "cmyk.jpg": saved(photograph.convert("CMYK"), "JPEG", quality=95),
        "sixteen.png": saved(Image.fromarray(sixteen), "PNG"),
        "alpha.png": saved(alpha, "PNG"),
        "rotated.jpg": saved(photograph, "JPEG", exif=turned, quality=95),
        "Straße/写真 é.jpg": whole,
        b"not-utf8-\xff.jpg".decode("utf-8", "surrogateescape"): whole,
    }
    bad = {
        "zero.jpg": (b"", "empty file"),
        "text.jpg": (b"I am no picture.", "not a picture"),
        "noise.jpg": (np.random.default_rng(1).bytes(5000), "not a picture"),
        "half.jpg": (whole[: len(whole) // 2], "truncated"),
        "half.png": (saved(photograph, "PNG")[:9000], "truncated"),
        "corrupt.png": (bytes(corrupt), "unreadable"),
        "header.jpg": (whole[:3] + b"\xe0 and nothing", "unreadable"),
        "bomb.png": (bomb(), "too large"),
    }
    refused = {
        "../outside.jpg": "unsafe name",
        "/absolute.jpg": "unsafe name",
        "a/../../b.jpg": "unsafe name",
        "symbolic.jpg": "not a regular file",
        "hard.jpg": "not a regular file",
        "device.jpg": "not a regular file",
        "pipe.jpg": "not a regular file",
    }
    kinds = {
        "symbolic.jpg": tarfile.SYMTYPE,
        "hard.jpg": tarfile.LNKTYPE,
        "device.jpg": tarfile.CHRTYPE,
        "pipe.jpg": tarfile.FIFOTYPE,
    }
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:

        def add(name, data):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))

        for name, data in good.items():
            add(name, data)
        for name, (data, _) in bad.items():
            add(name, data)
        add("plain.jpg", saved(Image.new("RGB", (64, 64), "red"), "JPEG"))  # another picture of the same name
        for name in refused:
            if name in kinds:
                member = tarfile.TarInfo(name)
                member.type, member.linkname = kinds[name], "/etc/passwd"
                archive.addfile(member)
            else:
                add(name, whole)
        add("README.txt", b"no picture at all")
    return path, list(good), {name: reason for name, (_, reason) in bad.items()}, refused


def test_every_awkward_member_is_read_rightly_or_counted_by_reason(hostile, tmp_path, astronaut):
    path, good, bad, refused = hostile
    index, shard = tmp_path / "index" / "train.parquet", tmp_path / "shards" / "train" / "00000.tar"
    for command in (
        ["index", str(path), "-o", str(index)],
        ["shard", str(path), "--index", str(index), "-o", str(shard)],
    ):
        assert main(command) == 3 and main([*command, "--allow-skipped"]) == 0

    statistics = json.loads(shard.with_suffix(".json").read_text())
    assert {item["name"]: item["reason"] for item in statistics["skipped"]} == bad
    assert statistics["skipped_by_reason"] == {
        "empty file": 1, "not a picture": 2, "too large": 1, "truncated": 2, "unreadable": 2,
    }  # fmt: skip
    assert {item["name"]: item["reason"] for item in statistics["refused"]} == refused
    assert statistics["refused_by_reason"] == {"not a regular file": 4, "unsafe name": 3}
    assert json.loads(index.with_suffix(".json").read_text())["ignored"] == 1

    with tarfile.open(shard) as archive:
        grays = {
            int(member.name[:9]): np.asarray(Image.open(archive.extractfile(member)))
            for member in archive
            if member.name.endswith("gray.jpg")
        }
    last = len(good) + len(bad)  # the second member called plain.jpg
    assert sorted(grays) == [*range(len(good)), last] and statistics["samples"] == len(good) + 1
    upright = make_sample(astronaut[:150, 100:300])[0].astype(int)
    turned = make_sample(np.ascontiguousarray(np.rot90(astronaut[:150, 100:300], -1)))[0].astype(int)
    for place, name in enumerate(good):
        if name not in ("sixteen.png", "alpha.png"):
            expected = turned if name == "rotated.jpg" else upright
            assert np.abs(grays[place] - expected).mean() < 3, name
    ramp = grays[good.index("sixteen.png")]
    assert ramp[0].max() < 5 and ramp[-1].min() > 250
    over_white = grays[good.index("alpha.png")]
    assert over_white[:4].min() > 245 and np.abs(over_white[-4:].astype(int) - upright[-4:]).mean() < 3
    assert np.abs(grays[last] - 53.24 * 2.55).max() < 2  # red

    assert training_data(tmp_path, [shard]) == [
        {
            "split": "train",
            "source": "hostile.tar",
            "choice": "17 of 17 pictures, in the source's order",
            "samples": 9,
            "skipped": statistics["skipped_by_reason"],
            "refused": statistics["refused_by_reason"],
            "ignored": 1,
        }
    ]


def test_a_damaged_archive_is_refused_not_read_in_part(hostile, tmp_path, capsys):
    whole = hostile[0].read_bytes()
    with tarfile.open(hostile[0]) as archive:
        header = archive.getmembers()[3].offset
    damaged = whole[:header] + b"x" * 512 + whole[header + 512 :]
    for name, data in (("cut", whole[: len(whole) // 2]), ("damaged", damaged)):
        path = tmp_path / f"{name}.tar"
        path.write_bytes(data)
        assert main(["index", str(path), "-o", str(tmp_path / "index.parquet")]) == 2
        assert "the archive cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "index.parquet").exists()


def test_a_killed_job_leaves_nothing_that_looks_finished_and_its_rerun_gives_the_same_bytes(tmp_path, astronaut):
    Image.fromarray(astronaut).save(tmp_path / "astronaut.jpg")
    (tmp_path / "list.txt").write_text("astronaut.jpg\n" * 300)
    output = tmp_path / "shards" / "0.tar"
    command = [sys.executable, "-m", "ccc", "shard", str(tmp_path / "list.txt"), "-o", str(output)]
    job = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while job.poll() is None and time.monotonic() < deadline:
        if any(path.stat().st_size for path in output.parent.glob(ASIDE + "*.tar")):
            break
        time.sleep(0.002)
    job.send_signal(signal.SIGKILL)
    assert job.wait() == -signal.SIGKILL
    left = [path.name for path in output.parent.iterdir()]
    assert left and all(name.startswith(".") for name in left)

    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0
    assert sorted(path.name for path in output.parent.iterdir()) == [
        "0.histogram.npy",
        "0.json",
        "0.pictures.parquet",
        "0.tar",
    ]
    write_shard(tmp_path / "list.txt", tmp_path / "whole" / "0.tar")
    for path in output.parent.iterdir():
        assert path.read_bytes() == (tmp_path / "whole" / path.name).read_bytes()


def test_the_scenes_shard_to_the_same_bytes_in_parallel_jobs_and_in_one(shared, tmp_path):
    source, index, count = shared("data/scenes/val_256.tar"), tmp_path / "index.parquet", 3
    assert main(["index", str(source), "-o", str(index), "--seed", "0"]) == 0
    for number in range(count):
        write_shard(source, tmp_path / "one" / f"{number}.tar", number, count, index=index)

    def job(number):
        command = [sys.executable, "-m", "ccc", "shard", source, "--index", index, "--shard", str(number)]
        command += ["--of", str(count), "-o", tmp_path / "many" / f"{number}.tar"]
        subprocess.run(list(map(str, command)), check=True, env=os.environ | {"OMP_NUM_THREADS": "1"})

    with ThreadPoolExecutor(count) as pool:
        list(pool.map(job, reversed(range(count))))
    written = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert len(written) == 4 * count and written == sorted(path.name for path in (tmp_path / "many").iterdir())
    for name in written:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes(), name
    keys = []
    for number in range(count):
        with tarfile.open(tmp_path / "many" / f"{number}.tar") as archive:
            keys += [member.name for member in archive]
    assert len(Index.open(index, Source(source))) == 500
    assert keys == [f"{key:09d}.{suffix}" for key in range(500) for suffix in ("classes.npy", "gray.jpg")]


def test_a_picture_too_large_once_it_is_scaled_is_skipped_and_the_set_goes_on(tmp_path, astronaut, capsys):
    (tmp_path / "set").mkdir()
    Image.fromarray(np.zeros((1, 20_000), np.uint8)).save(tmp_path / "set" / "line.png")
    Image.fromarray(astronaut[:90, :80]).save(tmp_path / "set" / "photograph.png")
    assert main(["prepare", str(tmp_path / "set"), "-n", "all", "-o", str(tmp_path / "out")]) == 3
    assert "line.png: too large (5120000x256 takes" in capsys.readouterr().out
    assert [path.name for path in (tmp_path / "out" / "truth").iterdir()] == ["photograph.png"]
