"""Distance between sets in the features of torchvision's Inception, as the code of DDColor computes it."""

from ccc.metrics import distribution, features
from ccc.metrics.registry import Metric

METRICS = (
    Metric(
        "fid_2048_torchvision", "FID (2048, torchvision)", "lower", "0 and up",
        "the sets' 2048 features of torchvision's Inception, pictures scaled twice as DDColor's code does; biased "
        "upwards while pictures are fewer than features", "Heusel et al. 2017, as DDColor computes it",
        set=distribution.frechet_distance, interval=distribution.frechet_interval, gather=features.gather,
        needs="inception_torchvision", dimension=2048, resize="torchvision", enough=2048, default=False,
    ),
)  # fmt: skip
