"""Metrics of colour pictures. Pairs are uint8 RGB `(H, W, 3)`; see each function, and `registry` for the facts."""

from ccc.metrics.chroma import cnr, cnr_56, cnr_codebook, cnr_of_classes, colorfulness, delta_colorfulness
from ccc.metrics.distribution import frechet_distance, kid
from ccc.metrics.inception import inception_features
from ccc.metrics.perceptual import lpips
from ccc.metrics.pixel import ciede2000, mse, mse_ab, psnr
from ccc.metrics.similarity import fsimc, vsi
from ccc.metrics.structure import ssim, uiqi

__all__ = [
    "ciede2000", "cnr", "cnr_56", "cnr_codebook", "cnr_of_classes", "colorfulness", "delta_colorfulness",
    "frechet_distance", "fsimc", "inception_features", "kid", "lpips", "mse", "mse_ab", "psnr", "ssim", "uiqi", "vsi",
]  # fmt: skip
