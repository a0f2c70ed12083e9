"""Every metric: its name, direction, range, what it compares, and a version that is raised when its numbers change."""

import dataclasses
import difflib
import functools
import re
from collections.abc import Callable

from ccc.core.errors import CCCError
from ccc.metrics import chroma, distribution, foreign, perceptual, pixel, similarity, structure

FORMAT = "ccc-metrics-2"  # of the stored summary; raised when its shape or the names in it change
NATIVE = "native"  # in place of the size in a name, where the pictures have no common short side
FOREIGN = "pyiqa:"  # before the name of a metric of the package pyiqa


@dataclasses.dataclass(frozen=True)
class Metric:
    """Facts about a metric. `name` is its column; it carries whatever makes values incomparable (net, layer, size).

    `pair`: from a `ccc.metrics.pair.Pair` to a float, for metrics of single pictures; what the metric needs is its
    second argument. `set`: from what all predictions and all truths hold to a float, for metrics of whole sets:
    Inception features `(N, dimension)` of each side, or, where `dimension` is None, how often each of the 400 classes
    appears in each. `interval`: from the same features to the 95% interval of `set`.
    """

    name: str
    title: str
    direction: str | None  # "lower" or "higher" is better, None where neither is
    range: str
    compares: str
    source: str
    version: int | str = 1
    pair: Callable | None = None
    set: Callable | None = None
    interval: Callable | None = None
    needs: str | None = None  # "codebook", the name of a weight file, or "pyiqa:" and the name of its metric
    dimension: int | None = None  # of the Inception features, for metrics of whole sets
    resize: str = ""  # how pictures reach Inception, see `ccc.metrics.inception.RESIZE`
    undefined: str = ""  # which pictures have no value
    default: bool = True
    sized: bool = False  # its value depends on the pictures' size, which `at` puts into its name
    base: str = ""  # the name without the size, of a sized metric that has one

    @property
    def kind(self) -> str:
        """Whether every picture has a value ("pair") or only the whole set has one ("set")."""
        return "pair" if self.pair else "set"

    def at(self, side: int | str) -> "Metric":
        """The metric as it is called for pictures whose short side is `side` pixels: "cnr" becomes "cnr_256"."""
        if not self.sized:
            return self
        title = self.title.replace("CNR", f"CNR {side}")
        return dataclasses.replace(self, name=_at(self.name, side), title=title, base=self.name)


def _at(name: str, side: int | str) -> str:
    return name.replace("cnr", f"cnr_{side}", 1)


_RGB = "RGB of every pixel"
_FEW = "biased upwards while pictures are fewer than features"
_RESIZED = {"pytorch": "resized as pytorch-fid does", "clean": "resized as clean-fid does"}

_ALL = [
    Metric(
        "mse", "MSE", "lower", "0 to 1", f"{_RGB}, in [0, 1]", "the definition, at the scale of Table IV",
        pair=pixel.mse_of,
    ),
    Metric(
        "psnr", "PSNR", "higher", "0 dB and up; infinite for equal pictures, left out of the mean",
        f"{_RGB}, peak 1; mean of the pictures' values", "the definition", pair=pixel.psnr_of,
    ),
    Metric(
        "ssim", "SSIM", "higher", "-1 to 1", f"{_RGB}, gaussian windows of 11x11", "Wang et al. 2004",
        pair=structure.ssim_of, undefined=f"a side is below {structure.SSIM_WINDOW} pixels",
    ),
    Metric(
        "uiqi", "UIQI", "higher", "-1 to 1", f"{_RGB}, uniform windows of 8x8", "Wang and Bovik 2002",
        pair=structure.uiqi_of, undefined=f"a side is below {structure.UIQI_WINDOW} pixels",
    ),
    Metric(
        "cnr", "CNR", "higher", "0 and up; above 1 there are more classes than in the truth",
        "how many of 400 classes appear among the pixels", "Eq. 18 as its text reads", pair=chroma.cnr_of, sized=True,
    ),
    Metric(
        "cnr_56", "CNR 56", "higher", "0 and up", "how many of 400 classes appear in maps of 56x56 (area mean of a, b)",
        "Eq. 18 at the size of the paper's maps", pair=chroma.cnr_56_of,
    ),
    Metric(
        "cnr_min5", "CNR (5 pixels)", "higher", "0 and up", "how many of 400 classes have 5 pixels or more",
        "Eq. 18 without stray pixels", pair=functools.partial(chroma.cnr_of, min_pixels=5),
        undefined="no class of the truth has 5 pixels", sized=True,
    ),
    Metric(
        "cnr_codebook", "CNR (codebook)", "higher", "0 and up",
        "how many classes of a codebook (215 in the paper) appear among the pixels", "Eq. 12 and 18",
        pair=chroma.cnr_codebook_of, needs="codebook", default=False, sized=True,
    ),
    *(
        Metric(
            f"lpips_{net}", f"LPIPS ({net})", "lower", "0 and up", _RGB, "Zhang et al. 2018, version 0.1",
            pair=functools.partial(perceptual.lpips_of, net=net), needs=trunk,
            undefined=f"a side is below {perceptual.SMALLEST[net]} pixels", default=net == "alex",
        )
        for net, trunk in perceptual.TRUNKS.items()
    ),
    Metric(
        "fsimc", "FSIMc", "higher", "0 to 1", "phase congruency and gradient of Y, and I and Q of YIQ",
        "Zhang et al. 2011, by pyiqa", version=foreign.version(), pair=similarity.fsimc_of,
        needs=f"{FOREIGN}fsim", undefined=f"a side is below {similarity.FSIM_SIDE} pixels",
    ),
    Metric(
        "vsi", "VSI", "higher", "0 to 1", "gradient and opponent colours, weighted by saliency in CIELAB",
        "Zhang, Shen and Li 2014, by pyiqa", version=foreign.version(), pair=similarity.vsi_of,
        needs=f"{FOREIGN}vsi",
        undefined=f"a side is below {similarity.VSI_SIDE} pixels, or both pictures are of a single colour each",
    ),
    Metric(
        "ciede2000", "CIEDE2000", "lower", "0 and up", "L, a and b of every pixel", "Sharma et al. 2005",
        pair=pixel.ciede2000_of,
    ),
    Metric(
        "mse_ab", "MSE (ab)", "lower", "0 and up, squared CIELAB units", "a and b of every pixel", "the definition",
        pair=pixel.mse_ab_of,
    ),
    Metric(
        "colorfulness", "Colourfulness", None, "0 and up; 0 is gray", "the prediction alone, signed opponent channels",
        "Hasler and Suesstrunk 2003", pair=chroma.colorfulness_of,
    ),
    Metric(
        "colorfulness_abs", "Colourfulness (abs)", None, "0 and up; 0 is gray",
        "the prediction alone, magnitudes of the opponent channels",
        "Hasler and Suesstrunk 2003 as DDColor computes it",
        pair=functools.partial(chroma.colorfulness_of, variant="absolute"),
    ),
    Metric(
        "delta_colorfulness", "Delta colourfulness", "lower", "0 and up",
        "difference of the signed colourfulness of a pair, without its sign", "Hasler and Suesstrunk 2003",
        pair=chroma.delta_colorfulness_of,
    ),
    *(
        Metric(
            f"fid_{dimension}{suffix}", f"FID ({dimension}{suffix.replace('_', ', ')})", "lower", "0 and up",
            f"the sets' {dimension} Inception features, pictures {_RESIZED[resize]}; {_FEW}", "Heusel et al. 2017",
            set=distribution.frechet_distance, interval=distribution.frechet_interval, needs="inception_fid",
            dimension=dimension, resize=resize,
        )
        for dimension, suffix, resize in (
            *((dimension, "", "pytorch") for dimension in (64, 192, 768, 2048)), (2048, "_clean", "clean"),
        )
    ),
    Metric(
        "kid_2048_clean", "KID (2048, clean)", "lower", "about 0 and up; below 0 by chance",
        f"the sets' 2048 Inception features, pictures {_RESIZED['clean']}; unbiased", "Binkowski et al. 2018",
        set=distribution.kid, interval=distribution.kid_interval, needs="inception_fid", dimension=2048, resize="clean",
    ),
    Metric(
        "cnr_pooled", "CNR (pooled)", "higher", "0 and up", "how many of 400 classes appear in any picture of each set",
        "Eq. 18 over sets", set=chroma.cnr_of_counts, sized=True,
    ),
]  # fmt: skip
METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}


def find(name: str) -> Metric:
    """The metric of that name, which may hold a size ("cnr_256") or be one of the package pyiqa ("pyiqa:musiq").

    Raises CCCError, with the nearest name, for a name that no metric has.
    """
    if name in METRICS:
        return METRICS[name]
    if sized := re.fullmatch(rf"cnr_(\d+|{NATIVE})(_\w+)?", name):
        metric = METRICS.get("cnr" + (sized[2] or ""))
        if metric and metric.sized:
            return metric.at(sized[1])
    if name.startswith(FOREIGN):
        return Metric(
            name, f"{name.removeprefix(FOREIGN)} (pyiqa)", None, "see pyiqa", "see pyiqa", "the package pyiqa",
            version=foreign.version(), pair=foreign.value_of, needs=name, default=False,
            undefined="pyiqa cannot measure it",
        )  # fmt: skip
    near = [known for known in METRICS if known.startswith(name)] or difflib.get_close_matches(name, METRICS, 1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise CCCError(f"no metric {name!r}: {hint}there are {', '.join(METRICS)}, and {FOREIGN}NAME for those of pyiqa")
