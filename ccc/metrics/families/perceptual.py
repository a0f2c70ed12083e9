"""Distances between deep features of two pictures: LPIPS."""

from ccc.metrics import perceptual
from ccc.metrics.registry import Metric

METRICS = (
    *(
        Metric(
            f"lpips_{net}", f"LPIPS ({net})", "lower", "0 and up", "RGB of every pixel",
            "Zhang et al. 2018, version 0.1",
            pair=lambda pair, path, net=net: perceptual.lpips.of(pair, net, path), needs=trunk,
            undefined=f"a side is below {perceptual.SMALLEST[net]} pixels", default=net == "alex",
        )
        for net, trunk in perceptual.TRUNKS.items()
    ),
)  # fmt: skip
