"""Every metric: its name, direction, range, what it compares, and a version that is raised when its numbers change."""

import dataclasses
from collections.abc import Callable

from ccc.metrics import chroma, distribution, perceptual, pixel, structure


@dataclasses.dataclass(frozen=True)
class Metric:
    """Facts about a metric. `name` is its column; it carries whatever makes values incomparable (net, dimension).

    `pair`: from a `ccc.metrics.pair.Pair` to a float, for metrics of single pictures. `set`: from what all predictions
    and all truths hold to a float, for metrics of whole sets: Inception features `(N, dimension)` of each side, or,
    where `dimension` is None, how often each of the 400 classes appears in each. What the metric needs is the pair
    function's second argument.
    """

    name: str
    title: str
    direction: str | None  # "lower" or "higher" is better, None where neither is
    range: str
    compares: str
    source: str
    version: int = 1
    pair: Callable | None = None
    set: Callable | None = None
    needs: str | None = None  # "codebook", or the name of a weight file
    dimension: int | None = None  # of the Inception features, for metrics of whole sets
    undefined: str = ""  # which pictures have no value
    default: bool = True

    @property
    def kind(self) -> str:
        """Whether every picture has a value ("pair") or only the whole set has one ("set")."""
        return "pair" if self.pair else "set"

    @property
    def values(self) -> str:
        """`range`, under the name that `ccc.report.cells` reads."""
        return self.range


_RGB = "RGB at evaluation size"
_FEW = "biased upwards while pictures are fewer than features"


def _cnr(min_pixels: int) -> Callable:
    return lambda pair: chroma.cnr_of_classes(*pair.classes, min_pixels)


_ALL = [
    Metric("mse", "MSE", "lower", "0 to 1", f"{_RGB}, in [0, 1]", "definition", pair=pixel.mse_of),
    Metric("psnr", "PSNR", "higher", "dB", f"{_RGB}; mean of the pictures' values", "definition", pair=pixel.psnr_of),
    Metric(
        "ssim", "SSIM", "higher", "-1 to 1", f"{_RGB}, gaussian 11/1.5", "Wang et al. 2004",
        pair=structure.ssim_of, undefined=f"a side is below {structure.SSIM_WINDOW} pixels",
    ),
    Metric(
        "uiqi", "UIQI", "higher", "-1 to 1", f"{_RGB}, 8x8 windows", "Wang and Bovik 2002",
        pair=structure.uiqi_of, undefined=f"a side is below {structure.UIQI_WINDOW} pixels",
    ),
    Metric("cnr", "CNR", "higher", "0 and up", "400 classes at evaluation size", "Eq. 18", pair=_cnr(1)),
    Metric(
        "cnr_56", "CNR (56x56)", "higher", "0 and up", "400 classes of 56x56 maps", "Eq. 18",
        pair=lambda pair: chroma.cnr_of_classes(*pair.classes_56),
    ),
    Metric(
        "cnr_min5", "CNR (5 pixels)", "higher", "0 and up", "classes of 5 pixels or more, at evaluation size", "Eq. 18",
        pair=_cnr(5), undefined="no class of the truth has 5 pixels",
    ),
    Metric(
        "cnr_codebook", "CNR (codebook)", "higher", "0 and up", "the codebook's classes at evaluation size",
        "Eq. 12 and 18", pair=chroma.cnr_codebook_of, needs="codebook", default=False,
    ),
    *(
        Metric(
            f"lpips_{net}", f"LPIPS ({net})", "lower", "0 and up", _RGB, "Zhang et al. 2018, v0.1",
            pair=lambda pair, weights, net=net: perceptual.lpips_of(pair, weights, net),
            needs=trunk, undefined=f"a side is below {perceptual.SMALLEST[net]} pixels", default=net == "alex",
        )
        for net, trunk in perceptual.TRUNKS.items()
    ),
    Metric("ciede2000", "CIEDE2000", "lower", "0 and up", _RGB, "Sharma et al. 2005", pair=pixel.ciede2000_of),
    Metric("mse_ab", "MSE (ab)", "lower", "0 and up", "a and b at evaluation size", "definition", pair=pixel.mse_ab_of),
    Metric(
        "colorfulness", "Colourfulness", None, "0 and up", "the prediction alone", "Hasler and Suesstrunk 2003",
        pair=lambda pair: chroma.colorfulness(pair.prediction),
    ),
    Metric(
        "colorfulness_abs", "Colourfulness (abs)", None, "0 and up", "the prediction alone, magnitudes of opponents",
        "Hasler and Suesstrunk 2003, as DDColor computes it",
        pair=lambda pair: chroma.colorfulness(pair.prediction, variant="absolute"),
    ),
    Metric(
        "delta_colorfulness", "Delta colourfulness", "lower", "0 and up", "signed colourfulness of each pair",
        "Hasler and Suesstrunk 2003", pair=lambda pair: chroma.delta_colorfulness(pair.prediction, pair.truth),
    ),
    *(
        Metric(
            f"fid_{dimension}", f"FID ({dimension})", "lower", "0 and up",
            f"sets; {dimension} Inception features, clean resizing; {_FEW}", "Heusel et al. 2017",
            set=distribution.frechet_distance, needs="inception_fid", dimension=dimension,
        )
        for dimension in (64, 192, 768, 2048)
    ),
    Metric(
        "kid_2048", "KID (2048)", "lower", "about 0 and up", "sets; 2048 Inception features, clean resizing; unbiased",
        "Binkowski et al. 2018", set=distribution.kid, needs="inception_fid", dimension=2048,
    ),
    Metric(
        "cnr_pooled", "CNR (pooled)", "higher", "0 and up", "sets; classes in any picture, at evaluation size",
        "Eq. 18", set=chroma.cnr_of_counts,
    ),
]  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}
