"""Training by the workflow on several devices."""

import pytest
import yaml

pytestmark = pytest.mark.slow


def test_each_gpu_of_the_train_rule_is_a_process_and_their_number_trains_nothing_anew(copied):
    model = "results/train/tiny/ccc.safetensors"
    given = yaml.safe_load((copied.folder / "config/config.yaml").read_text())
    unnamed = {key: value for key, value in given["data"].items() if key != "name"}
    copied.configure({"training": given["training"] | {"batch_size": 4, "steps": 2}, "data": unnamed})
    run = copied.run("--set-resources", "train:gpu=2", "--", model)
    assert run.returncode == 0, run.output
    assert "2 x cpu: 2 steps" in (copied.folder / "logs/train/tiny.log").read_text()
    assert "Nothing to be done" in copied.run(model).output
