"""Every metric: its name, direction, range, what it compares, and a version that is bumped when its numbers change."""

import dataclasses
from collections.abc import Callable

from ccc.metrics import chroma, perceptual, pixel, structure


@dataclasses.dataclass(frozen=True)
class Metric:
    """Facts about a metric. `name` is its column; it carries whatever makes values incomparable (net, dimension)."""

    name: str
    title: str
    direction: str | None  # "lower" or "higher" is better, None where neither is
    values: str
    compares: str
    source: str
    version: int = 1
    pair: Callable | None = None  # (prediction, truth) -> float; None for metrics of whole sets
    weights: str | None = None  # name of the weight file it needs
    dimension: int | None = None  # of the features, for metrics of whole sets
    default: bool = True


_RGB = "RGB at evaluation size"
_ALL = [
    Metric("mse", "MSE", "lower", "0 to 1", f"{_RGB}, in [0, 1]", "definition", pair=pixel.mse),
    Metric("psnr", "PSNR", "higher", "dB", f"{_RGB}; mean of the pictures' values", "definition", pair=pixel.psnr),
    Metric("ssim", "SSIM", "higher", "-1 to 1", f"{_RGB}, gaussian 11/1.5", "Wang et al. 2004", pair=structure.ssim),
    Metric("uiqi", "UIQI", "higher", "-1 to 1", f"{_RGB}, 8x8 windows", "Wang and Bovik 2002", pair=structure.uiqi),
    Metric("cnr", "CNR", "higher", "0 and up", "400 classes at evaluation size", "Eq. 18", pair=chroma.cnr),
    Metric("cnr_56", "CNR (56x56)", "higher", "0 and up", "400 classes of 56x56 maps", "Eq. 18", pair=chroma.cnr_56),
    Metric(
        "lpips_alex", "LPIPS (alex)", "lower", "0 and up", _RGB, "Zhang et al. 2018, v0.1",
        pair=perceptual.lpips, weights="alexnet",
    ),
    Metric("ciede2000", "CIEDE2000", "lower", "0 and up", _RGB, "Sharma et al. 2005", pair=pixel.ciede2000),
    Metric("mse_ab", "MSE (ab)", "lower", "0 and up", "a and b at evaluation size", "definition", pair=pixel.mse_ab),
    Metric(
        "colorfulness", "Colourfulness", None, "0 and up", "the prediction alone", "Hasler and Suesstrunk 2003",
        pair=chroma.colorfulness,
    ),
    *(
        Metric(
            f"fid_{dimension}", f"FID ({dimension})", "lower", "0 and up", f"sets; {dimension}-d Inception features",
            "Heusel et al. 2017", weights="inception_fid", dimension=dimension, default=dimension in (64, 2048),
        )
        for dimension in (64, 192, 768, 2048)
    ),
]  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
