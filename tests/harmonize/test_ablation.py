"""What the parameters of Algorithm 1 do."""

import numpy as np
import pytest

from ccc.color import read_gray
from ccc.core.errors import CCCError
from ccc.core.files import write_csv
from ccc.core.images import read_rgb
from ccc.harmonize import harmonize_picture
from ccc.harmonize.ablation import COLUMNS, ablate, read_ablation
from ccc.segment import load


def test_ablation(colored):
    colors = {name: colored / name for name in ("bilinear", "nearest")}
    masks = load("masks", colored / "masks.json")
    rows = ablate(colored / "gray", colored / "truth", colors, masks, deltas=(8, 40), min_pixels=(100, 500))
    write_csv(colored / "ablation.csv", rows)
    assert read_ablation(colored / "ablation.csv") == rows
    value = {(row["colors"], row["delta"], row["min_pixels"]): row for row in rows}
    assert len(value) == 2 * 5 and {row["segmenter"] for row in rows} == {"felzenszwalb"}
    for name in colors:
        assert value[name, None, None]["changed_share"] == 0
        for least in (100, 500):
            assert value[name, 8, least]["changed_share"] > value[name, 40, least]["changed_share"]
            assert value[name, 8, least]["cnr"] < value[name, None, None]["cnr"]
        assert value[name, 8, 100]["changed_share"] >= value[name, 8, 500]["changed_share"] > 0
        changed = []
        for picture in ("a", "b", "flat"):
            gray, color = read_gray(colored / f"gray/{picture}.png"), read_rgb(colored / name / f"{picture}.png")
            changed.append(harmonize_picture(gray, color, masks.segment(gray, picture))[1]["changed_share"])
        assert value[name, 8, 500]["changed_share"] == pytest.approx(np.mean(changed))
    # bin centres are 10 apart: after nearest upsampling hardly more than one class of a segment is left
    assert value["nearest", 8, 500]["classes_per_segment"] < value["bilinear", 8, 500]["classes_per_segment"]


def test_ablation_of_colored_that_do_not_match(colored):
    (colored / "nearest/a.png").unlink()
    masks = load("masks", colored / "masks.json")
    with pytest.raises(CCCError, match="nearest: lacks a, which .*gray holds"):
        ablate(colored / "gray", colored / "truth", {"nearest": colored / "nearest"}, masks, (8,), (100,))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("x,8,5,3,0.5,", "x,8,5,,0.5,", "line 3 lacks numbers"),
        ("x,8,5,3,0.5,", "x,8,,3,0.5,", "line 3 lacks numbers"),
        ("x,8,5,3,0.5,", "x,8,5,inf,0.5,", "line 3 lacks numbers"),
        ("x,8,5,3,0.5,1,2,20,0.5,slic,own\n", "", "x has no rows with and without harmonization"),
        ("x,8,5,3,0.5,", "x,8,5,3,0;5,", "could not convert"),
    ],
)
def test_a_table_that_was_edited_or_cut_is_refused(tmp_path, old, new, message):
    whole = f"{','.join(COLUMNS)}\nx,,,3,0,0,2,20,0.5,slic,own\nx,8,5,3,0.5,1,2,20,0.5,slic,own\n"
    (tmp_path / "a.csv").write_text(whole)
    assert len(read_ablation(tmp_path / "a.csv")) == 2
    (tmp_path / "a.csv").write_text(whole.replace(old, new))
    with pytest.raises(CCCError, match=f"a.csv: not a table of `ccc ablate` .*{message}.*; make it again"):
        read_ablation(tmp_path / "a.csv")
