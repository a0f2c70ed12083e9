"""Perceptual metrics: LPIPS, and the similarity of features and of saliency by the package pyiqa."""

from ccc.metrics import foreign, perceptual, similarity
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
    Metric(
        "fsimc", "FSIMc", "higher", "0 to 1", "phase congruency and gradient of Y, and I and Q of YIQ",
        "Zhang et al. 2011, by pyiqa", version=foreign.version(), pair=similarity.fsimc.of,
        needs="pyiqa:fsim", load=lambda path: foreign.load("fsim"),
        undefined=f"a side is below {similarity.FSIM_SIDE} pixels",
    ),
    Metric(
        "vsi", "VSI", "higher", "0 to 1", "gradient and opponent colours, weighted by saliency in CIELAB",
        "Zhang, Shen and Li 2014, by pyiqa", version=foreign.version(), pair=similarity.vsi.of,
        needs="pyiqa:vsi", load=lambda path: foreign.load("vsi"),
        undefined=f"a side is below {similarity.VSI_SIDE} pixels, or both pictures are of a single colour each",
    ),
)  # fmt: skip
