"""What stands beside a published figure: a difference only for the paper's own method, else what differs, in words."""

import json
from pathlib import Path

import numpy as np
import pandas
import pytest
from safetensors.numpy import save_file
from stored_cells import column, tables, write_cell

from ccc.assets import PUBLISHED, weights
from ccc.codebook import Codebook
from ccc.core.files import sha256
from ccc.report.formats import FORMATS
from ccc.report.overview import read_model, unlike_the_paper
from ccc.report.summary import read_results
from ccc.settings.training import Recipe

PAPERS = {
    "encoder": "densenet121", "balance": "cbce", "upsilon": 0.5, "phi": None, "pretrained": False, "init": False,
    "trained_on": "Places365", "pictures": 1_803_460, "input_size": 224, "fit": "stretch", "steps": 281_790,
    "batch_size": 64, "learning_rate": 0.001, "beta1": 0.5, "beta2": 0.999,
}  # fmt: skip
ARGMAX = "--option chroma=1.0 --option decode=argmax --option logit_adjustment=0.0 --option temperature=0.38"
PHOTO = "--option chroma=0.8 --option decode=ciede2000 --option logit_adjustment=1.0 --option temperature=1.4"
HARMONIZE = {"min_pixels": "500", "delta_a": "8", "delta_b": "8", "mode_bin": "1", "order": "area", "mode": "marginal"}


def write_model(folder: Path, decoder: str = "plain", threshold: int = 500, **changes) -> tuple[Path, str]:
    """A file that says of itself to be the paper's model, but for `changes`; its path and what pictures call it."""
    counts = np.zeros(400, np.int64)
    counts[190:215] = 1000
    codebook = Codebook.fit(counts, threshold)
    metadata = {"format": "ccc-model-1", "encoder": "densenet121", "decoder": decoder}
    metadata |= {"codebook": json.dumps(codebook.to_dict()), "settings": json.dumps(PAPERS | changes)}
    path = folder / "ccc.safetensors"
    save_file({"weight": np.zeros(1)}, path, metadata)
    return path, f"ccc.safetensors:{sha256(path)[:12]}"


def made(model: str, options: str = ARGMAX, method: str = "ccc") -> dict:
    return {"made": [f"ccc colorize --method {method} --weights {model} {options}".strip()]}


def told(table, label: str) -> str:
    """What the notes of a row say differs."""
    (row,) = [row for row in table.rows if row.label == label]
    (found,) = [table.notes[k - 1] for k in row.notes if table.notes[k - 1].startswith("not the paper's")] or [""]
    return found


def differences(table) -> list[str]:
    return [c.title for c in table.columns if c.kind == "difference"]


def test_the_papers_own_method_has_differences_and_says_nothing_differs(tmp_path):
    path, name = write_model(tmp_path)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name), mean={"psnr": 24.53})
    write_cell(tmp_path / "in", "ccc", "sam", "ade20k", segmenter="sam_vit_h", mean={"psnr": 24.03})
    write_cell(tmp_path / "in", "mine", "plain", "ade20k")
    built = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path, harmonize=HARMONIZE)
    values = column(built["IV"], "PSNR difference")
    assert [values[label].text for label in ("Ccc", "Ccc + sam_vit_h")] == ["+0.50", "0.00"]
    assert values["Mine"].text == values["DeOldify (published only)"].text == "–"
    assert told(built["IV"], "Ccc") == told(built["IV"], "Ccc + sam_vit_h") == ""
    other = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path, harmonize=HARMONIZE | {"delta_a": "4"})["IV"]
    assert told(other, "Ccc + sam_vit_h") == "not the paper's CCC: delta a 4 (paper: 8)"
    assert column(other, "PSNR difference")["Ccc + sam_vit_h"].text == "–"


def test_no_difference_where_the_paper_contradicts_itself_or_leaves_much_open(tmp_path):
    path, name = write_model(tmp_path)
    write_cell(tmp_path / "in", "ccc", "plain", "showcase", **made(name))
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name), set={"fid_64": 1.0, "fid_2048_clean": 50.0})
    built = tables(tmp_path / "in", {"showcase": "Fig. 9", "ade20k": "ADE"}, model=path)
    assert differences(built["III"]) == ["SSIM difference", "UIQI difference"]
    assert differences(built["VI"]) == differences(built["VII"]) == []
    assert column(built["VI"], "FID (64)↓")["Ccc"].text == "1.000"
    other = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["III"]
    assert not differences(other), "our showcase is not the paper's Fig. 9"


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"encoder": "mobilenet_v2"}, ARGMAX, "encoder mobilenet_v2 (paper: densenet121)"),
        ({"decoder": "skip"}, ARGMAX, "decoder skip (paper: plain)"),
        ({"trained_on": "scenes", "pictures": 8974}, ARGMAX, "trained on scenes, 8,974 photographs (paper: Places365)"),
        ({"pictures": 10_000}, ARGMAX, "trained on Places365, 10,000 photographs (paper: Places365)"),
        ({"pretrained": True}, ARGMAX, "trained on Places365 after ImageNet (paper: Places365)"),
        ({"pretrained": "a/places.pth.tar"}, ARGMAX, "trained on Places365 after places.pth.tar (paper: Places365)"),
        ({"init": True}, ARGMAX, "trained on Places365 after another model's training"),
        ({"input_size": 160, "fit": "crop"}, ARGMAX, "input a short side of 160 (paper: squares of 224)"),
        ({"upsilon": 0.1}, ARGMAX, "balance cbce, upsilon 0.1 (paper: cbce, upsilon 0.5)"),
        ({"phi": 0.9}, ARGMAX, "balance cbce, upsilon 0.5, phi 0.9 (paper: cbce, upsilon 0.5)"),
        ({"batch_size": 2}, ARGMAX, "batch size 2 (paper: 64)"),
        ({"crop": 32}, ARGMAX, "crop 32 (paper: none)"),
        ({"flip": True}, ARGMAX, "flip true (paper: false)"),
        ({}, PHOTO, "decoding: ciede2000, temperature 1.4, logit adjustment 1, chroma 0.8 (paper: argmax)"),
        ({"decode": "annealed"}, "", "decoding: annealed (paper: argmax)"),
        ({}, ARGMAX + " --option upsample=nearest", "decoding: upsample nearest (paper: argmax)"),
        ({}, ARGMAX + " --option input_size=384", "input size 384"),
        ({}, ARGMAX + " --max-size 512", "seen at 512 pixels at most"),
    ],
)
def test_a_row_names_what_differs_and_has_no_difference_in_every_file(tmp_path, changes, options, words):
    path, name = write_model(tmp_path, **changes)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name, options))
    built = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)
    for table in (built[name] for name in ("IV", "V", "VI", "VII", "all_ade20k")):
        assert words in told(table, "Ccc") and not differences(table)
        for write in FORMATS.values():
            text = write(table).replace("\\", "").replace("{[}", "[")
            assert words in text, write


def test_a_row_says_what_it_has_in_common_with_one_above_by_its_label(tmp_path):
    path, name = write_model(tmp_path, encoder="mobilenet_v2", batch_size=32, input_size=160)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name))
    write_cell(tmp_path / "in", "ccc", "sam", "ade20k", **made(name))
    write_cell(tmp_path / "in", "ccc_photo", "plain", "ade20k", **made(name, "--option vividness=0.1"))
    write_cell(tmp_path / "in", "vivid", "plain", "ade20k", **made(name, "--option vividness=0.8"))
    pale = "decoding: vividness 0.1 (paper: argmax)"
    table = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["VI"]
    assert told(table, "Ccc").startswith(
        "not the paper's CCC: encoder mobilenet_v2 (paper: densenet121); batch size 32"
    )
    assert told(table, "Ccc + felzenszwalb").startswith("not the paper's CCC: as Ccc; masks of felzenszwalb (paper: ")
    assert told(table, "Ccc_Photo") == f"not the paper's CCC: as Ccc; {pale}"
    assert told(table, "Vivid") == f"not the paper's CCC: as Ccc; {pale.replace('0.1', '0.8')}"
    for method in ("ccc", "ccc_photo"):
        for found in (tmp_path / "in").rglob(f"{method}/**/*.*"):
            found.unlink()
    write_cell(tmp_path / "in", "pale", "plain", "ade20k", **made(name, "--option vividness=0.1"))
    table = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["all_ade20k"]
    assert told(table, "Vivid") == f"not the paper's CCC: as Pale, but not {pale}; {pale.replace('0.1', '0.8')}"


def test_every_setting_of_training_is_compared_but_those_that_the_paper_leaves_open(tmp_path):
    others = {
        "learning_rate": 1.0, "beta2": 0.9, "encoder_rate": 0.1, "schedule": "cosine", "warmup": 5, "tf32": True,
        "gradient_clipping": 1.0, "counts": "rank", "random_resized_crop": 0.1, "gamma_jitter": 2.0,
        "precision": "bfloat16", "beta1": 0.9, "reduction": "sum", "ema": 0.999,
    }  # fmt: skip
    said = unlike_the_paper(read_model(write_model(tmp_path, **others)[0]))
    assert sorted(fact.split(" (")[0] for fact in said) == sorted(
        f"{name.replace('_', ' ')} {str(value).lower()}" for name, value in others.items()
    )
    recipe = {name: Recipe.model_json_schema()["properties"][name] for name in Recipe.model_fields}
    papers = {name: facts.get("paper", facts["default"]) for name, facts in recipe.items()}
    open_to_us = {"steps": 1, "seed": 3, "select": "best", "keep": 5, "compile": True, "validate_every": 1}
    assert not unlike_the_paper(read_model(write_model(tmp_path, **papers | PAPERS | open_to_us)[0]))


def test_another_codebook_is_not_the_papers(tmp_path):
    path, _ = write_model(tmp_path, threshold=20)
    assert unlike_the_paper(read_model(path)) == ["threshold 20 (paper: 500)"]


@pytest.mark.parametrize(
    ("start", "said"),
    [({}, ""), ({"pretrained": True}, "from, ImageNet"), ({"init": True}, "from, another model's training")],
)
def test_only_training_before_is_named_as_not_compared(tmp_path, start, said):
    path, name = write_model(tmp_path, trained_on="Paris after dark", **start)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name))
    found = {"format": "ccc-leakage-1", "benchmark": "ade20k", "pictures": 2, "near_bits": 8, "compared": {"train": 9},
             "exact": [], "near": []}  # fmt: skip
    (tmp_path / "leakage.json").write_text(json.dumps(found))
    words = read_results([tmp_path / "in"], model=path, leakage=[tmp_path / "leakage.json"]).leakage["ade20k"]
    assert words.partition("; not compared with what it started ")[2] == said


def test_the_same_model_for_photographs_is_no_row_of_the_papers(tmp_path):
    path, name = write_model(tmp_path)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name))
    write_cell(tmp_path / "in", "ccc_photo", "plain", "ade20k", **made(name, PHOTO))
    table = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["IV"]
    published = column(table, "PSNR↑ published", "ADE")
    assert (published["Ccc"].text, published["Ccc_Photo"].text) == ("24.03", "–")
    assert told(table, "Ccc") == "" and "ciede2000" in told(table, "Ccc_Photo")


@pytest.mark.parametrize(
    ("start", "file"), [({}, ""), ({"init": True}, PUBLISHED.name), ({"init": "mine.safetensors"}, "mine.safetensors")]
)
def test_rows_of_one_model_say_so_and_what_its_training_started_from(tmp_path, start, file):
    path, name = write_model(tmp_path, **start)
    for method, options in (("ccc", ARGMAX), ("ccc_photo", PHOTO)):
        write_cell(tmp_path / "in", method, "plain", "ade20k", **made(name, options))
    write_cell(tmp_path / "in", "ccc_photo", "sam", "ade20k")
    write_cell(tmp_path / "in", "mine", "plain", "ade20k", **made("other.safetensors:0123456789ab"))
    built = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)
    same = ["the same model as Ccc, but with the decoding for photographs"]
    started = [f"a model whose training started from {file}, and not that one itself"] if file else []
    for table in (built["IV"], built["all_ade20k"]):
        notes = {row.label: [table.notes[k - 1] for k in row.notes] for row in table.rows}
        found = {label: [note for note in said if "model" in note] for label, said in notes.items()}
        found = {label: [note for note in said if not note.startswith("not the")] for label, said in found.items()}
        assert found["Ccc"] == started and found["Mine"] == []
        assert found["Ccc_Photo"] == found["Ccc_Photo + felzenszwalb"] == same + started


def test_a_model_that_is_not_the_one_that_coloured_the_pictures_vouches_for_nothing(tmp_path):
    path, _ = write_model(tmp_path)
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made("ccc.safetensors:0123456789ab"))
    for model in (path, None):
        table = tables(tmp_path / "in", {"ade20k": "ADE"}, model=model)["IV"]
        assert "ccc.safetensors:0123456789ab, a model whose settings were not given" in told(table, "Ccc")
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k")
    assert "pictures of unknown making" in told(tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["IV"], "Ccc")


def test_the_packaged_model_is_known_by_the_notes_of_its_pictures(tmp_path):
    name = f"{PUBLISHED.name}:{sha256(PUBLISHED)[:12]}"
    write_cell(tmp_path / "in", "ours", "plain", "mine", **made(name, ""))
    said = told(tables(tmp_path / "in")["all_mine"], "Ours")
    assert "encoder mobilenet_v2 (paper: densenet121)" in said and "scenes+objects" in said and "7000 steps" in said
    results = read_results([tmp_path / "in"])
    assert results.model["upsilon"] == 0.1
    assert results.leakage["mine"].startswith("not known: the photographs of the packaged model's training")
    write_cell(tmp_path / "other", "theirs", "plain", "mine", **made("mine.safetensors:0123456789ab", ""))
    assert not read_results([tmp_path / "in", tmp_path / "other"]).model  # of which of the two?
    write_cell(tmp_path / "constant", "constant", "plain", "mine", **made(name, "", "constant"))
    assert not read_results([tmp_path / "constant"]).model  # has its codebook alone


CIC = weights.known()["cic"]["sha256"]


@pytest.mark.parametrize(
    ("method", "note", "words"),
    [
        ("cic", f"colorization_release_v2-9b330a0b.pth:{CIC[:12]}", ""),
        ("cic", "colorization_release_v2-9b330a0b.pth:0123456789ab", "(SHA-256 0123456789ab), which are not the publ"),
        ("su", "su_mmagic.pth:5b9d4eee0123", "without the boxes of its detector"),
        ("su", "su_mmagic.pth:5b9d4eee0123 --option boxes=b --option most_boxes=4", "most boxes 4 (published: 8)"),
        ("su", "su_mmagic.pth:5b9d4eee0123 --option boxes=my boxes", ""),
        ("ddcolor", "ddcolor_paper.pth:0123456789ab", "ddcolor_paper.pth (SHA-256 0123456789ab), which are not the"),
        ("su", "inst_colorization_checkpoints.zip:0123456789ab", "of which no SHA-256 was published to compare 01234"),
        ("larsson", "autocolorize.caffemodel.h5:0123456789ab", "of which no SHA-256 was published to compare 01234"),
        ("ddcolor", "d.pth:0123456789ab --option model=tiny --option input_size=512", "model tiny (published: paper)"),
    ],
)
def test_a_baseline_is_compared_where_its_weights_are_the_published_ones(tmp_path, method, note, words):
    write_cell(tmp_path, method, "plain", "ade20k", **made(note, "", method))
    table = tables(tmp_path, {"ade20k": "ADE"})["IV"]
    assert words in told(table, method.title()) and bool(told(table, method.title())) == bool(words)
    assert bool(differences(table)) == (not words)


def test_what_must_be_known_of_a_set_stands_in_every_table_file_and_forms_no_difference(tmp_path):
    path, name = write_model(tmp_path)
    write_cell(tmp_path / "in", "ccc", "plain", "faces", **made(name))
    for caution in ("", "faces of CelebA-HQ"):
        cautions = {"faces": caution} if caution else {}
        built = tables(tmp_path / "in", {"faces": "Celeba"}, model=path, cautions=cautions)
        assert bool(differences(built["IV"])) == (not caution)
    for table in (built["IV"], built["VII"], built["all_faces"]):
        for write in FORMATS.values():
            assert caution in write(table), (table.name, write)
    assert "no row's method" not in "".join(built["IV"].notes)


def test_a_csv_alone_says_what_its_figures_are(tmp_path):
    """It has no room for footnotes: each row writes out its own, and those of the columns in which it has a figure."""
    path, name = write_model(tmp_path, encoder="mobilenet_v2")
    write_cell(tmp_path / "in", "ccc", "plain", "ade20k", **made(name))
    write_cell(tmp_path / "in", "mine", "plain", "ade20k")
    table = tables(tmp_path / "in", {"ade20k": "ADE"}, model=path)["VI"]
    (tmp_path / "table.csv").write_text(FORMATS["csv"](table))
    notes = pandas.read_csv(tmp_path / "table.csv").set_index("method")["notes"]
    assert "not the paper's CCC: encoder mobilenet_v2" in notes["Ccc"] and "network of LPIPS" in notes["Ccc"]
    assert "mobilenet" not in notes["Mine"] and "50 pictures: ours are others" in notes["Mine"]
    assert "network of LPIPS" in notes["CIC (published only)"]


def test_a_table_says_where_algorithm_1_had_the_ab_of_8_bit_pictures(tmp_path):
    for method, origin in (("cic", "picture"), ("ccc", "own")):
        write_cell(tmp_path, method, "plain", "ade20k", **made("x.safetensors", method=method))
        write_cell(tmp_path, method, "sam", "ade20k", made=[f"ccc harmonize --ab {origin}"])
    table = tables(tmp_path, {"ade20k": "ADE"})["IV"]
    said = {row.label: [table.notes[k - 1] for k in row.notes if "8-bit" in table.notes[k - 1]] for row in table.rows}
    assert [label for label, notes in said.items() if notes] == ["Cic + felzenszwalb"]
