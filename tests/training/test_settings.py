"""Settings out of their range are refused by name."""

import pytest
from small_training import QUICK, run

from ccc.core.errors import CCCError


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"precision": "half"}, "precision: Input should be 'float32', 'bfloat16' or 'float16', got \"half\""),
        ({"schedule": "step"}, "schedule: Input should be 'constant'"),
        ({"crop": 40}, "multiple of 32"),
        ({"crop": 96}, "crop 96 is larger than the shards' pictures of 64 pixels"),
        ({"random_resized_crop": 1.5}, "random_resized_crop: Input should be less than or equal to 1, got 1.5"),
        ({"gamma_jitter": float("nan")}, "gamma_jitter: Input should be a finite number"),
        ({"upsilon": 0.0}, "upsilon: Input should be greater than 0"),
        ({"phi": 0.0}, "phi: Input should be greater than 0"),
        ({"ema": 1.0}, "ema: Input should be less than 1, got 1.0"),
        ({"gradient_clipping": -1.0}, "gradient_clipping: Input should be greater than or equal to 0"),
        ({"save_every": 0}, "save_every: Input should be greater than or equal to 1, got 0"),
        ({"validation_batches": 0}, "validation_batches: Input should be greater than or equal to 1"),
        ({"steps": 0}, "steps: Input should be greater than or equal to 1"),
        ({"pretrained": True, "init": True}, "not both"),
    ],
)
def test_wrong_settings_are_refused(data, tmp_path, wrong, message):
    with pytest.raises(CCCError, match=message):
        run(data, tmp_path, QUICK.model_copy(update=dict(**wrong)))
