"""Metrics of pixels, windows and colours, all by NumPy and scikit-image."""

import functools

from ccc.metrics import chroma, pixel, structure
from ccc.metrics.registry import Metric

_RGB = "RGB of every pixel"

METRICS = (
    Metric(
        "mse", "MSE", "lower", "0 to 1", f"{_RGB}, in [0, 1]", "the definition, at the scale of Table IV",
        pair=pixel.mse.of,
    ),
    Metric(
        "psnr", "PSNR", "higher", "0 dB and up; infinite for equal pictures, left out of the mean",
        f"{_RGB}, peak 1; mean of the pictures' values", "the definition", pair=pixel.psnr.of,
    ),
    Metric(
        "ssim", "SSIM", "higher", "-1 to 1", f"{_RGB}, gaussian windows of 11x11", "Wang et al. 2004",
        pair=structure.ssim.of, undefined=f"a side is below {structure.SSIM_WINDOW} pixels",
    ),
    Metric(
        "uiqi", "UIQI", "higher", "-1 to 1", f"{_RGB}, uniform windows of 8x8", "Wang and Bovik 2002",
        pair=structure.uiqi.of, undefined=f"a side is below {structure.UIQI_WINDOW} pixels",
    ),
    Metric(
        "cnr", "CNR", "higher",
        "0 and up; above 1 there are more classes than in the truth (a gray one has one class)",
        "how many of 400 classes appear among the pixels", "Eq. 18 as its text reads", pair=chroma.cnr.of, sized=True,
    ),
    Metric(
        "cnr_56", "CNR 56", "higher", "0 and up", "how many of 400 classes appear in maps of 56x56 (area mean of a, b)",
        "Eq. 18 at the size of the paper's maps", pair=chroma.cnr_56.of,
    ),
    Metric(
        "cnr_min5", "CNR (5 pixels)", "higher", "0 and up", "how many of 400 classes have 5 pixels or more",
        "Eq. 18 without stray pixels", pair=functools.partial(chroma.cnr.of, min_pixels=5),
        undefined="no class of the truth has 5 pixels", sized=True,
    ),
    Metric(
        "cnr_codebook", "CNR (codebook)", "higher", "0 and up",
        "how many classes of a codebook (215 in the paper) appear among the pixels", "Eq. 12 and 18",
        pair=chroma.cnr_codebook.of, needs="codebook", load=chroma.codebook_of, default=False, sized=True,
    ),
    Metric(
        "cnr_precision", "CNR precision", None, "0 to 1; near 1 for gray",
        "which share of the prediction's classes the truth has too", "the classes of Eq. 9",
        pair=chroma.class_precision.of, sized=True,
    ),
    Metric(
        "cnr_recall", "CNR recall", "higher", "0 to 1; near 1 for noise",
        "which share of the truth's classes the prediction has too", "the classes of Eq. 9",
        pair=chroma.class_recall.of, sized=True,
    ),
    Metric(
        "cnr_precision_pixels", "CNR precision (pixels)", None, "0 to 1; near 1 for gray",
        "which share of the prediction's pixels has a class that the truth has too", "the classes of Eq. 9",
        pair=functools.partial(chroma.class_precision.of, pixels=True), sized=True,
    ),
    Metric(
        "cnr_recall_pixels", "CNR recall (pixels)", "higher", "0 to 1; near 1 for noise",
        "which share of the truth's pixels has a class that the prediction has too", "the classes of Eq. 9",
        pair=functools.partial(chroma.class_recall.of, pixels=True), sized=True,
    ),
    Metric(
        "ciede2000", "CIEDE2000", "lower", "0 and up", "L, a and b of every pixel", "Sharma et al. 2005",
        pair=pixel.ciede2000.of,
    ),
    Metric(
        "mse_ab", "MSE (ab)", "lower", "0 and up, squared CIELAB units", "a and b of every pixel", "the definition",
        pair=pixel.mse_ab.of,
    ),
    Metric(
        "colorfulness", "Colourfulness", None, "0 and up; 0 is gray", "the prediction alone, signed opponent channels",
        "Hasler and Suesstrunk 2003", pair=lambda pair: chroma.colorfulness(pair.prediction),
    ),
    Metric(
        "colorfulness_abs", "Colourfulness (abs)", None, "0 and up; 0 is gray",
        "the prediction alone, magnitudes of the opponent channels",
        "Hasler and Suesstrunk 2003 as DDColor computes it",
        pair=lambda pair: chroma.colorfulness(pair.prediction, variant="absolute"),
    ),
    Metric(
        "delta_colorfulness", "Delta colourfulness", "lower", "0 and up",
        "difference of the signed colourfulness of a pair, without its sign", "Hasler and Suesstrunk 2003",
        pair=chroma.delta_colorfulness.of,
    ),
    Metric(
        "delta_colorfulness_abs_of_means", "Delta colourfulness (abs, of means)", "lower", "0 and up",
        "difference of the sets' mean colourfulness (abs), without its sign", "as DDColor's tables print it",
        set=chroma.delta_of_means, counts=chroma.mean_colorfulness, default=False,
    ),
    Metric(
        "cnr_pooled", "CNR (pooled)", "higher", "0 and up", "how many of 400 classes appear in any picture of each set",
        "Eq. 18 over sets", set=chroma.cnr_of_counts, counts=chroma.class_counts, sized=True,
    ),
)  # fmt: skip
