"""Settings out of their range are refused by name."""

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
        ({"random_resized_crop": 1.5}, "random_resized_crop must be a number in 0 to 1, got 1.5"),
        ({"gamma_jitter": float("nan")}, "gamma_jitter must be a number in 0 to 2"),
        ({"upsilon": 0.0}, "upsilon must be a number above 0"),
        ({"phi": 0.0}, "phi must be a number above 0"),
        ({"ema": 1.0}, "ema must be a number of at least 0 and below 1, got 1.0"),
        ({"gradient_clipping": -1.0}, "gradient_clipping must be a number of at least 0"),
        ({"save_every": 0}, "save_every must be a whole number of at least 1, got 0"),
        ({"validation_batches": 0}, "validation_batches must be a whole number of at least 1"),
        ({"steps": 0}, "steps must be a whole number of at least 1"),
        ({"pretrained": True, "init": True}, "not both"),
    ],
)
def test_wrong_settings_are_refused(data, tmp_path, wrong, message):
    with pytest.raises(CCCError, match=message):
        run(data, tmp_path, QUICK.model_copy(update=dict(**wrong)))
