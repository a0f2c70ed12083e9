"""Distances between sets of pictures in Inception's features: FID and KID."""

import functools

from ccc.metrics import distribution, features
from ccc.metrics.registry import Metric

_FEW = "biased upwards while pictures are fewer than features"
_RESIZED = {"pytorch": "resized as pytorch-fid does", "clean": "resized as clean-fid does"}

METRICS = (
    *(
        Metric(
            f"fid_{dimension}{suffix}", f"FID ({dimension}{suffix.replace('_', ', ')})", "lower", "0 and up",
            f"the sets' {dimension} Inception features, pictures {_RESIZED[resize]}; {_FEW}", "Heusel et al. 2017",
            set=distribution.frechet_distance, interval=distribution.frechet_interval, gather=features.gather,
            needs=features.NEEDS, dimension=dimension, resize=resize, enough=dimension,
        )
        for dimension, suffix, resize in (
            *((dimension, "", "pytorch") for dimension in (64, 192, 768, 2048)), (2048, "_clean", "clean"),
        )
    ),
    *(
        Metric(
            f"kid_2048_clean{suffix}", f"KID (2048, clean{suffix.replace('_', ', ')})", "lower",
            "about 0 and up; below 0 by chance",
            f"the sets' 2048 Inception features, pictures {_RESIZED['clean']}; {how}",
            "Binkowski et al. 2018", set=functools.partial(distribution.kid, paired=paired),
            interval=functools.partial(distribution.kid_interval, paired=paired), gather=features.gather,
            needs=features.NEEDS, dimension=2048, resize="clean", version=version, default=paired,
        )
        for suffix, paired, version, how in (
            ("", True, 2, "without the kernels of a picture and its own truth, so that it is unbiased"),
            ("_unpaired", False, 1, "as published figures are computed, too low for a picture and its own truth"),
        )
    ),
)  # fmt: skip
