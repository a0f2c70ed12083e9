"""What a command writes is never what it reads, and an empty name is no folder."""

import numpy as np
import pytest
import small_training

from ccc.cli import main
from ccc.core.images import write_png


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Shards, a codebook, three folders of pictures with masks, a benchmark and its metrics."""
    folder = tmp_path_factory.mktemp("made")
    small_training.write_data(folder)
    truth = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    for name, picture in {"truth": truth, "color": truth // 2, "gray": truth[..., 0]}.items():
        write_png(folder / name / "a.png", picture)
    (folder / "masks.json").write_text('{"images": [{"id": 1, "file_name": "a.png"}], "annotations": []}')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main("prepare truth -o set -n all".split()) == 0
        assert main("evaluate color truth --metrics psnr --json m.json --csv m.csv".split()) == 0
    return folder


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("shard 0.tar -o ./0.tar --size 64", "0.tar: would be overwritten, but it is read, too"),
        ("shard photographs -o new.json --size 64", "new.json: the statistics beside the tar get this name"),
        ("codebook 0.tar -o new.svg --threshold 1", "new.svg: the drawing beside the codebook gets this name"),
        ("tables m.json -o new --summary m.json", "m.json: would be overwritten"),
        ("tables m.json -o new --summary new.parquet", "new.parquet: the values beside the summary get this name"),
        ("leakage set/manifest.csv 0.tar -o set/manifest.csv", "manifest.csv: would be overwritten"),
        ("ablate gray truth --color x=color --masks masks.json -o masks.json", "masks.json: would be overwritten"),
        ("segment gray -o new --segmenter masks --checkpoint masks.json --coco masks.json", "would be overwritten"),
        ("compare gray color truth --masks masks.json -o color/new", "new: in color, whose pictures are compared"),
        ("harmonize gray color --masks masks.json -o gray/new", "gray/new: in the folder of the gray pictures"),
        ("evaluate color truth --metrics psnr --json new --csv new", "new: is to be written by two options"),
        ("harmonize gray color --masks masks.json -o new --changes masks.json", "masks.json: would be overwritten"),
        ("tables m.json -o new --summary ''", "--summary: an empty name"),
        ("codebook 0.tar -o . --threshold 1", "Is a directory; a folder is where a file is needed"),
        ("shard '' -o new.tar", "'': no such folder or archive"),
        ("prepare '' -o new", "the source of the photographs is an empty name"),
        ("colorize '' -o new --method gray", "'': no such picture or folder"),
    ],
)
def test_input_is_never_overwritten_and_an_empty_name_is_no_folder(made, words, message, monkeypatch, capsys):
    monkeypatch.chdir(made)
    before = {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
    assert main([word.strip("'") for word in words.split()]) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert before == {path: path.read_bytes() for path in made.rglob("*") if path.is_file()}
