"""Files that nobody would write by mistake: spoiled ones and random ones, at each place that reads files."""

import hashlib
import io
import json
import os
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file, save_file

from ccc.assets import PUBLISHED
from ccc.core.files import safetensors_metadata

MORE = int(os.environ.get("CCC_FUZZ", 1))  # times as many cases
NUMBERS = [float("nan"), float("inf"), 1e999, 1e9, -1.5, -1, 0, 2**31, 2**32 + 3, 2**63 - 1, 2**64, 10**30]
VALUES = [*NUMBERS, None, True, "", "a", "../" * 9, "\0", "\ud800", [], [[[]]], {}, {"a": 1}, ["a"] * 9]
DEEP = "[" * 100_000
hostile = st.sampled_from(VALUES) | st.integers() | st.floats() | st.text(max_size=9)


def fuzzed(examples):
    """So many cases, always the same ones."""
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
    return settings(
        max_examples=examples * MORE, derandomize=True, deadline=None, database=None, suppress_health_check=checks
    )


def places(value, above=()):
    """Every place in a JSON value, as the keys that lead there; of long lists the first and last."""
    yield above
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys if len(keys) < 30 else (keys[0], keys[-1]):
        yield from places(value[key], (*above, key))


def changed(value, place, new):
    if not place:
        return new
    value = dict(value) if isinstance(value, dict) else list(value)
    value[place[0]] = changed(value[place[0]], place[1:], new)
    return value


@st.composite
def spoiled_json(draw, value):
    """Text of a JSON value with a hostile value at some place, or without that place."""
    for _ in range(draw(st.integers(1, 2))):
        place = draw(st.sampled_from(list(places(value))))
        if place and draw(st.booleans()) and draw(st.booleans()) and isinstance(place[-1], str):
            parent = value
            for key in place[:-1]:
                parent = parent[key]
            value = changed(value, place[:-1], {key: part for key, part in parent.items() if key != place[-1]})
        else:
            value = changed(value, place, draw(hostile))
    return json.dumps(value)


@st.composite
def spoiled_bytes(draw, data):
    """Bytes cut, with others in their place, or with a piece twice."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, min(len(data), draw(st.sampled_from([64, 2048, len(data)])))))
        way = draw(st.integers(0, 3))
        if way == 0:
            del data[at:]
        elif way == 1:
            new = draw(st.binary(min_size=1, max_size=8) | st.sampled_from([b"\xff" * 8, b"\0" * 8, b"77777777777"]))
            data[at : at + len(new)] = new
        elif way == 2:
            data[at:at] = data[at : at + draw(st.integers(1, 600))]
        else:
            del data[at : at + draw(st.integers(1, 600))]
    return bytes(data)


def written(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass"))
    return path


def loaded(path: Path):
    return json.loads(path.read_text())


def of_this(shard: Path, key: str, file: Path) -> None:
    """Let the JSON beside a shard tell the checksum of a spoiled file."""
    path = shard.with_suffix(".json")
    written(path, json.dumps(loaded(path) | {key: hashlib.sha256(file.read_bytes()).hexdigest()}))


# --- masks ---

size = st.tuples(*[st.sampled_from([6, 8]) | st.sampled_from(NUMBERS)] * 2).map(list)
counts = st.lists(st.integers(0, 60) | st.sampled_from(NUMBERS), max_size=8) | st.text(
    "0123456789:;<=>?@OPQabcdefghijklmno"
)
ring = st.lists(st.integers(-9, 20) | st.floats(-9, 20) | st.sampled_from(NUMBERS), max_size=12)
polygons = st.lists(ring, max_size=3) | ring
masks = st.fixed_dictionaries(
    {"segmentation": polygons | st.fixed_dictionaries({"size": st.just([6, 8]) | size, "counts": counts}) | hostile},
    optional={"score": hostile, "predicted_iou": hostile},
)


def segment(worker, good, path):
    out = path.with_name("out")
    worker("segment", good / "gray", "-o", out, "--segmenter", "masks", "--checkpoint", path, out=out)


@fuzzed(400)
@given(entry=masks)
def test_masks(worker, good, tmp_path, entry):
    path = written(tmp_path / "photo.json", json.dumps([entry]))
    worker(
        "segment",
        good / "gray",
        "-o",
        tmp_path / "out",
        "--segmenter",
        "masks",
        "--checkpoint",
        path,
        out=tmp_path / "out",
    )


@pytest.mark.parametrize("name", ["masks/photo.json", "masks.json"])
def test_our_files_of_masks(worker, good, tmp_path, name):
    @fuzzed(60)
    @given(spoiled_json(loaded(good / name)))
    def check(text):
        path = written(tmp_path / "photo.json", text)
        worker(
            "segment",
            good / "gray",
            "-o",
            tmp_path / "out",
            "--segmenter",
            "masks",
            "--checkpoint",
            path,
            out=tmp_path / "out",
        )

    check()


def npy(shape, dtype="|u1", data=b"", order="False"):
    """An .npy file that promises such an array."""
    head = f"{{'descr': {dtype!r}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + data


def npz(path: Path, data: bytes, promised: int | None = None) -> Path:
    """An .npz file of one array; `promised`: how many bytes its directory says that it has."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("masks.npy", data)
    if promised is not None:
        whole = bytearray(path.read_bytes())
        struct.pack_into("<I", whole, whole.index(b"PK\x01\x02") + 24, promised)
        path.write_bytes(whole)
    return path


ARRAYS = [
    npy("(3221225472,)"),
    npy("(6, 8)", "|O"),
    npy("(6, -8)"),
    npy("(6, 8)", "<f8", bytes(384)),
    npy("(6, 8)"),
    npy("(1e9, 8)"),
    npy("(4294967296, 4294967296)"),
    npy("(0, 6, 8)", "|b1"),
    npy("(6, 8)", "<M8[s]", bytes(384)),
    npy("()", "|u1", b"1"),
    npy("(6, 8)", "|S99999999"),
    npy("(6, 8)", "[('a', 'u1')]", bytes(48)),
    b"\x93NUMPY\x09\x00",
    b"PK\x05\x06" + bytes(18),
    b"",
]


@pytest.mark.parametrize("number", range(len(ARRAYS)))
def test_arrays_that_are_no_masks(worker, good, tmp_path, number):
    out = tmp_path / "out"
    words = ["segment", good / "gray", "-o", out, "--segmenter", "masks", "--checkpoint"]
    for path in (written(tmp_path / "photo.npy", ARRAYS[number]), npz(tmp_path / "photo.npz", ARRAYS[number])):
        if b"'shape': (0, 6, 8)" in ARRAYS[number]:  # no mask at all is none too few
            assert worker(*words, path, out=out)["status"] == 0
            continue
        assert path.name in worker.refuses(*words, path, out=out)


def test_an_archive_that_promises_three_gigabytes_takes_no_memory(worker, good, tmp_path):
    for promised, said in ((3 << 30, "bytes unpacked, at most"), (400 << 20, "photo.npz")):
        path = npz(tmp_path / "photo.npz", npy(f"({promised // 48 - 9}, 6, 8)", "|b1", bytes(480)), promised)
        words = ["segment", good / "gray", "-o", tmp_path / "out", "--segmenter", "masks", "--checkpoint", path]
        assert said in worker.refuses(*words, out=tmp_path / "out")


# --- shards ---


def test_shards(worker, good, spoiled):
    path, shard = spoiled / "shards/0.tar", (good / "shards/0.tar").read_bytes()
    facts = loaded(good / "shards/0.json")

    @fuzzed(60)
    @given(spoiled_bytes(shard))
    def check(data):

        written(path, data)
        written(path.with_suffix(".json"), json.dumps(facts | {"sha256": hashlib.sha256(data).hexdigest()}))
        worker("stream", path)

    check()


def test_statistics_of_shards(worker, good, spoiled):
    path = spoiled / "shards/0.tar"

    @fuzzed(60)
    @given(spoiled_json(loaded(good / "shards/0.json")))
    def check(text):
        written(path.with_suffix(".json"), text)
        worker("codebook", path, "--threshold", 1, "-o", spoiled / "out/codebook.json", out=spoiled / "out")
        worker("stream", path)

    check()


@pytest.mark.parametrize("key", ["samples", "size", "map_size", "clamped_cells", "near_gray"])
@pytest.mark.parametrize("value", [-1, 10**30, 1.5, "6", None, 2**60])
def test_statistics_that_lie(worker, spoiled, key, value):
    path = spoiled / "shards/0.json"
    written(path, json.dumps(loaded(path) | {key: value}))
    found = worker.refuses(
        "codebook", path.with_suffix(".tar"), "--threshold", 1, "-o", spoiled / "out/codebook.json", out=spoiled / "out"
    )
    assert "0.json" in found and key in found and "ccc shard" in found


HISTOGRAMS = [
    np.full(400, -1),
    np.full(400, 2**63 - 1),
    np.full(400, 2**64 - 1, np.uint64),
    np.ones(399, int),
    np.ones((20, 20), int),
    np.ones(400),
    np.full(400, np.nan),
    np.array(["a"] * 400),
    np.ones(400, bool),
    np.array(5),
]


@pytest.mark.parametrize("number", range(len(HISTOGRAMS)))
def test_histograms_that_are_none(worker, spoiled, number):
    np.save(spoiled / "shards/0.histogram.npy", HISTOGRAMS[number])
    words = ["codebook", spoiled / "shards/0.tar", "--threshold", 1, "-o", spoiled / "out/codebook.json"]
    assert "0.histogram.npy" in worker.refuses(*words, out=spoiled / "out")


@pytest.mark.parametrize("dtype", [">i8", "<i2", "<u2", ">u8"])
def test_histograms_of_other_integers_are_the_same(worker, spoiled, good, dtype):
    path = spoiled / "shards/0.histogram.npy"
    np.save(path, np.minimum(np.load(path), 32767).astype(dtype))
    assert (
        worker("codebook", spoiled / "shards/0.tar", "--threshold", 1, "-o", spoiled / "out/codebook.json")["status"]
        == 0
    )


def test_class_maps_of_other_classes(worker, spoiled):
    path = spoiled / "shards/0.tar"
    with tarfile.open(path) as tar:
        members = [(member, tar.extractfile(member).read()) for member in tar]

    def saved(array):
        file = io.BytesIO()
        np.save(file, array)
        return file.getvalue()

    zeros = np.zeros((16, 16), np.uint16)
    for data in (
        saved(zeros + 65535),
        saved(zeros + 400),
        saved(zeros.astype(">u2")),
        saved(zeros.astype(np.int16)),
        saved(zeros[:9]),
        saved(zeros)[:-1],
        saved(zeros)[:20],
        b"",
    ):
        with tarfile.open(path, "w") as tar:
            for member, content in members:
                content = data if member.name.endswith(".npy") else content
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        written(
            path.with_suffix(".json"),
            json.dumps(loaded(path.with_suffix(".json")) | {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}),
        )
        assert "0.tar: sample " in worker.refuses("stream", path)


# --- tables of names ---

TABLES = [
    pa.table({"a": [1]}),
    pa.table({"name": ["x"], "sha256": [b"1"], "hash": [1]}),
    pa.table({"name": ["x"], "sha256": [None], "hash": [None]}),
    pa.table(
        {"method": [1], "variant": [2], "segmenter": [3], "dataset": [4], "metric": [5], "image": [6], "value": ["x"]}
    ),
]


def spoil_table(path: Path, good: Path, number: int) -> None:
    if number < len(TABLES):
        pq.write_table(TABLES[number], path)
    else:
        data = good.read_bytes()
        written(
            path,
            [b"", b"PAR1", data[:-9], data[: len(data) // 2] + b"\xff" * 40 + data[len(data) // 2 :], DEEP.encode()][
                number - len(TABLES)
            ],
        )


@pytest.mark.parametrize("number", range(len(TABLES) + 5))
def test_tables_of_hashes(worker, good, spoiled, number):
    path, stored = spoiled / "shards/0.pictures.parquet", spoiled / "shards/0.json"
    spoil_table(path, good / "shards/0.pictures.parquet", number)
    written(stored, json.dumps(loaded(stored) | {"pictures_sha256": hashlib.sha256(path.read_bytes()).hexdigest()}))
    out = spoiled / "out"
    words = ["leakage", spoiled / "benchmark/manifest.csv", spoiled / "shards/0.tar", "-o", out / "leakage.json"]
    assert "0.pictures.parquet" in worker.refuses(*words, out=out)


@pytest.mark.parametrize("number", range(len(TABLES) + 5))
def test_values_of_a_summary(worker, good, spoiled, number):
    spoil_table(spoiled / "tables/summary.parquet", good / "tables/summary.parquet", number)
    out = spoiled / "out"
    assert "summary" in worker.refuses("report", spoiled / "tables/summary.json", "-o", out, out=out)


@pytest.mark.parametrize("number", range(len(TABLES) + 5))
def test_indices(worker, good, spoiled, number):
    spoil_table(spoiled / "index.parquet", good / "index.parquet", number)
    out = spoiled / "out"
    words = ["shard", good / "shards/photographs", "--index", spoiled / "index.parquet", "-o", out / "0.tar"]
    assert "index.parquet" in worker.refuses(*words, out=out)


# --- metrics and reports ---


def test_metrics_of_pictures(worker, good, spoiled):
    path = spoiled / "metrics/ccc/plain/ade20k.csv"

    @fuzzed(40)
    @given(spoiled_bytes(path.read_bytes()))
    def check(data):
        written(path, data)
        worker("tables", spoiled / "metrics", "-o", spoiled / "out", out=spoiled / "out")

    check()


TABLES_OF = ["tables", "@metrics", "-o", "@out"]
REPORT = ["report", "@tables/summary.json", "-o", "@out"]
STORED = {
    "metrics/ccc/plain/ade20k.json": (60, TABLES_OF),
    "tables/summary.json": (40, [*REPORT, "--results", "@none"]),
    "leakage.json": (40, [*TABLES_OF, "--leakage", "@leakage.json"]),
    "codebook.json": (60, [*REPORT, "--codebook", "@codebook.json", "--results", "@none"]),
}


def at(folder: Path, words: list[str]) -> list[str]:
    """A command whose words that begin with @ are files of a folder."""
    return [str(folder / word[1:]) if word.startswith("@") else word for word in words]


@pytest.mark.parametrize("name", STORED)
def test_what_stages_store(worker, spoiled, name):
    examples, words = STORED[name]

    @fuzzed(examples)
    @given(spoiled_json(loaded(spoiled / name)))
    def check(text):
        written(spoiled / name, text)
        worker(*at(spoiled, words), out=spoiled / "out")

    check()


# --- models and codebooks ---


def model(path: Path, weights=None, **metadata) -> Path:
    """The model of the package with other metadata, None for none, and with weights changed."""
    known = safetensors_metadata(PUBLISHED) | metadata
    state = load_file(PUBLISHED)
    if weights is not None:
        key = next(key for key in state if key.endswith("weight") and state[key].ndim == 4)
        state[key] = np.full_like(state[key], weights)
    save_file(state, path, {key: value for key, value in known.items() if value is not None})
    return path


def of(name, **changes):
    return {name: json.dumps(json.loads(safetensors_metadata(PUBLISHED)[name]) | changes)}


BOOK = json.loads(safetensors_metadata(PUBLISHED)["codebook"])
METADATA = [
    of("settings", input_size=10**6),
    of("settings", input_size=-1),
    of("settings", input_size="big"),
    of("settings", decode="best"),
    of("settings", temperature=0),
    of("settings", temperature=float("nan")),
    of("settings", chroma=1e30),
    of("settings", upsilon="a"),
    of("settings", trained_on=[1]),
    {"settings": None},
    {"settings": "["},
    {"settings": "[]"},
    {"settings": DEEP},
    {"codebook": None},
    {"codebook": "{}"},
    {"codebook": "5"},
    {"codebook": DEEP},
    of("codebook", counts=[-1] * 400),
    of("codebook", counts=[10**30] * 400),
    of("codebook", grid={"alpha": 0, "beta": 100, "delta": 20}),
    of("codebook", grid={"alpha": 10, "beta": 100, "delta": 10**6}),
    of("codebook", active=BOOK["active"][:-1]),
    of("codebook", threshold=-(10**30)),
    {"encoder": None},
    {"encoder": "vgg"},
    {"encoder": "resnet18"},
    {"decoder": "best"},
    {"format": None},
    {"format": "ccc-model-9"},
]


@pytest.mark.parametrize("number", range(len(METADATA)))
def test_metadata_of_models(worker, good, tmp_path, number):
    out = tmp_path / "out"
    path = model(tmp_path / "model.safetensors", **METADATA[number])
    found = worker.refuses("colorize", good / "picture.png", "-o", out, "--method", "ccc", "--weights", path, out=out)
    assert "model.safetensors" in found
    if "decoder" not in METADATA[number] and METADATA[number].get("encoder") is None:  # tables read no weights
        worker("tables", good / "metrics", "-o", out, "--model", path, out=out)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_give_no_colours(worker, good, tmp_path, value):
    path, out = model(tmp_path / "model.safetensors", value), tmp_path / "out"
    found = worker.refuses("colorize", good / "picture.png", "-o", out, "--method", "ccc", "--weights", path, out=out)
    assert "model.safetensors" in found and "not finite" in found


def test_files_of_models(worker, good, tmp_path):
    data = Path(PUBLISHED).read_bytes()
    length = int.from_bytes(data[:8], "little")

    @fuzzed(20)
    @given(spoiled_bytes(data[: 8 + length]), st.booleans())
    def check(head, whole):
        path = written(tmp_path / "model.safetensors", head + (data[8 + length :] if whole else b""))
        out = tmp_path / "out"
        worker("colorize", good / "picture.png", "-o", out, "--method", "ccc", "--weights", path, out=out)

    check()


# --- archives of photographs ---


@pytest.mark.parametrize("kind", ["tar", "zip", "tar.gz"])
def test_archives(worker, good, tmp_path, kind):

    names = sorted((good / "shards/photographs").iterdir())[:3]
    path = tmp_path / f"whole.{kind}"
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.write(name, f"a/{name.name}")
    else:
        with tarfile.open(path, "w:gz" if kind == "tar.gz" else "w", format=tarfile.PAX_FORMAT) as archive:
            for name in names:
                archive.add(name, f"a/{name.name}")
    whole, out = path.read_bytes(), tmp_path / "out"

    @fuzzed(40)
    @given(spoiled_bytes(whole))
    def check(data):
        spoiled = written(tmp_path / f"spoiled.{kind}", data)
        worker("shard", spoiled, "-o", out / "0.tar", "--size", 64, "--map-size", 16, out=out)

    check()


# --- whatever is read ---

SEGMENT = ["segment", "@gray", "-o", "@out", "--segmenter"]
CODEBOOK = ["codebook", "@shards/0.tar", "--threshold", "1", "-o", "@out/codebook.json"]
LEAKAGE = ["leakage", "@benchmark/manifest.csv", "@shards/0.tar", "-o", "@out/leakage.json"]
EVALUATE = [
    "evaluate",
    "@benchmark/truth",
    "@benchmark/truth",
    "--json",
    "@out/cell.json",
    "--metrics",
    "mse",
    "--changes",
]
PLACES = {
    "masks.json": [*SEGMENT, "masks", "--checkpoint", "@masks.json"],
    "photo.npz": [*SEGMENT, "masks", "--checkpoint", "@photo.npz"],
    "photo.png": [*SEGMENT, "masks", "--checkpoint", "@photo.png"],
    "sam.pth": [*SEGMENT, "mobile_sam", "--checkpoint", "@sam.pth"],
    "shards/0.json": CODEBOOK,
    "shards/0.histogram.npy": CODEBOOK,
    "shards/0.tar": ["stream", "@shards/0.tar"],
    "shards/0.pictures.parquet": LEAKAGE,
    "benchmark/manifest.csv": LEAKAGE,
    "metrics/ccc/plain/ade20k.json": ["tables", "@metrics/ccc/plain/ade20k.json", "-o", "@out"],
    "metrics/ccc/plain/ade20k.csv": TABLES_OF,
    "leakage.json": [*TABLES_OF, "--leakage", "@leakage.json"],
    "model.safetensors": [*TABLES_OF, "--model", "@model.safetensors"],
    "other.safetensors": [
        "colorize",
        "@picture.png",
        "-o",
        "@out",
        "--method",
        "ccc",
        "--weights",
        "@other.safetensors",
    ],
    "tables/summary.json": REPORT,
    "codebook.json": [*REPORT, "--codebook", "@codebook.json"],
    "changes.csv": [*EVALUATE, "@changes.csv"],
    "index.parquet": ["shard", "@shards/photographs", "--index", "@index.parquet", "-o", "@out/0.tar"],
}
PIPE, FOLDER = "a pipe that nobody writes to", "a folder"
BYTES = [b"", b"\xff\xfe\0\0" * 99, b"\0" * 5000, DEEP.encode(), b"1" * 5000, b"null", b'{"format": NaN}']


@pytest.mark.parametrize("name", PLACES)
def test_what_is_no_file_of_this_kind(worker, spoiled, name):
    path, out = spoiled / name, spoiled / "out"
    words = at(spoiled, PLACES[name])
    for content in (PIPE, FOLDER, *BYTES):
        if path.is_dir():
            path.rmdir()
        path.unlink(missing_ok=True)
        if content == PIPE:
            os.mkfifo(path)
        elif content == FOLDER:
            path.mkdir()
        else:
            written(path, content)
        assert path.stem.split(".")[0] in worker.refuses(*words, out=out)
