"""FSIMc and VSI without pyiqa, and with a pyiqa that fails."""

import sys

import numpy as np
import pytest
from skimage import data as shipped

from ccc.core.images import write_png
from ccc.metrics import foreign, similarity
from ccc.metrics.evaluate import evaluate
from ccc.metrics.pair import Pair


def test_where_pyiqa_cannot_be_imported_its_metrics_are_missing_with_the_reason(tmp_path, monkeypatch):
    # As on a machine without libGL.so.1, where the import raises.
    for folder, picture in (("truth", shipped.astronaut()), ("gray", shipped.coffee())):
        write_png(tmp_path / folder / "a.png", picture[:64, :64])
    monkeypatch.setitem(sys.modules, "pyiqa", None)
    foreign.load.cache_clear()
    found = evaluate(tmp_path / "gray", tmp_path / "truth", ["fsimc", "vsi", "mse", "pyiqa:gmsd"])
    assert found.summary["mean"]["mse"] > 0
    assert set(found.summary["missing"]) == {"fsimc", "vsi", "pyiqa:gmsd"}
    for name, reason in found.summary["missing"].items():
        assert reason.startswith("pyiqa cannot be imported here (ModuleNotFoundError: "), name
        assert found.summary["mean"][name] is None


@pytest.mark.parametrize("measure", [similarity.fsimc.of, similarity.vsi.of])
@pytest.mark.parametrize("error", [RuntimeError, ValueError, AssertionError])
def test_an_error_in_a_picture_that_is_large_enough_is_no_missing_value(measure, error):
    def broken(*_):
        raise error("a fault of the library")

    broken.metric_mode = "FR"
    with pytest.raises(error, match="a fault of the library"):
        measure(Pair(shipped.astronaut()[:64, :64], shipped.coffee()[:64, :64]), broken)
    small = Pair(*(picture[:2, :64] for picture in (shipped.astronaut(), shipped.coffee())))
    assert np.isnan(measure(small, broken))
