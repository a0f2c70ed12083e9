"""Whether classifiers recognize what is in the pictures: top-1 accuracy, beside that on true and on gray pictures."""

from ccc.metrics import semantic
from ccc.metrics.registry import Metric

METRICS = tuple(
    Metric(
        f"top1_{name}{suffix}", f"Top-1 ({name}{words})", direction, "0 to 1",
        f"the class that torchvision's {name} finds in {pictures}, and ImageNet's", "Zhang et al. 2016, section 3.1",
        set=semantic.accuracy, interval=semantic.accuracy_interval, gather=semantic.gather, needs=name, default=False,
    )
    for name in semantic.CLASSIFIERS
    for suffix, words, direction, pictures in (
        ("", "", "higher", "the prediction"),
        ("_truth", ", truth", None, "the truth"),
        ("_gray", ", gray", None, "the gray version of the truth"),
    )
)  # fmt: skip
