"""What the tests of networks share: the seeded weights, the goldens, and how to compare with them."""

import hashlib
import importlib.util
import json

import numpy as np
import pytest
import torch


class Parity:
    """Networks with the recipe's weights, compared with what the reference networks have and return."""

    def __init__(self, shared):
        self.shared = shared
        spec = importlib.util.spec_from_file_location("recipe", shared("parity/recipe.py"))
        self.recipe = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.recipe)
        self.draw = self.recipe.draw

    def fill(self, network):
        network.load_state_dict(self.recipe.fill(network.state_dict()))
        return network.eval().requires_grad_(False)

    def _golden(self, file: str, name: str) -> dict:
        lines = self.shared(f"parity/{file}").read_text().splitlines()
        return next(record for record in map(json.loads, lines) if record["name"] == name)

    def check_keys(self, network, name: str) -> None:
        lines = self.shared(f"parity/keys_{name}.txt").read_text().splitlines()
        wanted = {line.split("\t")[0]: line.split("\t")[1] for line in lines}
        assert {key: str(tuple(value.shape)) for key, value in network.state_dict().items()} == wanted

    def check_output(self, output: torch.Tensor, name: str, tolerance: float = 1e-4) -> None:
        golden = self._golden("golden.jsonl", name)
        flat = output.double().flatten()
        assert list(output.shape) == golden["out_shape"]
        found = {"mean": flat.mean(), "std": flat.std(), "min": flat.min(), "max": flat.max()}
        found |= {"first": flat[0], "mid": flat[len(flat) // 2], "last": flat[-1], "absmean": flat.abs().mean()}
        for statistic, value in found.items():
            assert value.item() == pytest.approx(golden[statistic], abs=tolerance), statistic

    def check_pipeline(self, colorizer, name: str) -> None:
        golden = self._golden("golden_pipeline.jsonl", name)
        colored = colorizer.colorize(synthetic_picture())
        scale = 255 if golden["std"] < 1 else 1
        assert colored.dtype == np.uint8 and list(colored.shape) == golden["shape"]
        np.testing.assert_allclose(colored.mean((0, 1)), golden["u8mean"], atol=0.05)
        np.testing.assert_allclose(colored[150, 200], np.array(golden["mid"]) * scale, atol=1)
        assert colored.std() == pytest.approx(golden["std"] * scale, abs=0.05)


def synthetic_picture() -> np.ndarray:
    """The picture that the references' pipelines were run on."""
    y, x = np.mgrid[:300, :400].astype(float)
    red = 127.5 + 127.5 * np.sin(x / 37 + 0.3) * np.cos(y / 53)
    green = 127.5 + 127.5 * np.cos(x / 61 - y / 41)
    picture = np.stack([red, green, 255 * (x / 400 + y / 300) / 2], axis=-1).round().astype(np.uint8)
    picture[40:90, 60:140] = (200, 30, 40)
    picture[180:260, 250:330] = (20, 60, 210)
    assert hashlib.sha256(picture.tobytes()).hexdigest().startswith("3ad8f4e98642edfd")
    return picture


@pytest.fixture
def parity(shared) -> Parity:
    return Parity(shared)


@pytest.fixture
def keeps_sizes(astronaut):
    """A check: pictures of any size, gray and RGB, come back as RGB of that size, the same alone as in a batch."""

    def check(colorizer, sizes=((1, 1), (3, 50), (97, 64))) -> None:
        pictures = [astronaut[:h, :w] for h, w in sizes] + [astronaut[:40, :30, 0]]
        together = colorizer.colorize_batch(pictures)
        for picture, colored in zip(pictures, together, strict=True):
            assert colored.shape == (*picture.shape[:2], 3) and colored.dtype == np.uint8
        alone = colorizer.colorize(pictures[-1])
        assert np.abs(together[-1].astype(int) - alone).max() <= 2

    return check
