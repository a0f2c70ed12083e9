"""Settings out of their range are refused by name."""

import dataclasses

import pytest
from small_training import QUICK, run

from ccc.core.errors import CCCError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "half"}, "precision must be one of float32, bfloat16, float16, got 'half'"),
        ({"schedule": "step"}, "schedule must be one of"),
        ({"crop": 40}, "multiple of 32"),
        ({"crop": 96}, "crop 96 is larger than the shards' pictures of 64 pixels"),
        ({"zoom": 1.5}, "zoom must lie in 0 to 1, got 1.5"),
        ({"relight": float("nan")}, "relight must lie in 0 to 2"),
        ({"upsilon": 0.0}, "upsilon must be above 0"),
        ({"phi": 0.0}, "phi must be above 0"),
        ({"ema": 1.0}, "ema must be at least 0 and below 1, got 1.0"),
        ({"clip": -1.0}, "clip must lie in 0 to inf"),
        ({"save_every": 0}, "save_every must be at least 1, got 0"),
        ({"validation_batches": 0}, "validation_batches must be at least 1"),
        ({"steps": 0}, "steps must be at least 1"),
        ({"pretrained": True, "init": True}, "not both"),
    ],
)
def test_wrong_settings_are_refused(data, tmp_path, wrong, message):
    with pytest.raises(CCCError, match=message):
        run(data, tmp_path, dataclasses.replace(QUICK, **wrong))
