"""Make `import torchvision` work beside a torch that its compiled operators were not built for.

The torchvision wheel on the package index is built against CUDA torch of one version. Beside a CPU torch, or another
version, its `_C.so` does not load, and `import torchvision` then fails because it describes operators that nobody has
registered (pytorch/pytorch#157648, pytorch/vision#8985). Import this module before the first `import torchvision` of a
process: where torchvision works it does nothing; elsewhere it declares the operators that torchvision describes at
import and gives non-maximum suppression, which segment-anything calls, an implementation in Python. `roi_align` then
works through torchvision's own Python path; `deform_conv2d`, `roi_pool` and the image decoders do not.
"""

import importlib.util
import sys
from pathlib import Path

import torch


def _compiled_operators_load() -> bool:
    spec = importlib.util.find_spec("torchvision")
    if "torchvision" in sys.modules or spec is None or spec.origin is None:
        return True
    libraries = list(Path(spec.origin).parent.glob("_C.*"))
    try:
        torch.ops.load_library(libraries[0])
    except (IndexError, OSError):  # none, or one that does not load
        return False
    return True


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression.

    `boxes`: float `(N, 4)` as x0, y0, x1, y1; `scores`: float `(N,)`. Returns int64 indices of the boxes kept, by
    falling score: a box goes when its intersection over union with a better one exceeds `iou_threshold`.
    Source: the definition in torchvision.ops.nms.
    """
    from torchvision.ops import box_iou

    left, kept = scores.argsort(descending=True, stable=True), []
    while len(left):
        best, left = left[:1], left[1:]
        kept.append(best)
        left = left[~(box_iou(boxes[best], boxes[left])[0] > iou_threshold)]  # boxes without area: NaN
    return torch.cat([left, *kept])


_library: torch.library.Library


def _register() -> None:
    global _library
    _library = torch.library.Library("torchvision", "FRAGMENT")  # kept alive: it deregisters when collected
    _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    _library.impl("nms", nms, "CompositeExplicitAutograd")
    import torchvision.extension

    torchvision.extension._has_ops = lambda: True  # ty: ignore[invalid-assignment] # else torchvision.ops.nms refuses to call what stands registered


if not _compiled_operators_load():
    _register()
