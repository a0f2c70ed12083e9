"""Make `import torchvision` work beside a torch that its compiled operators were not built for.

The torchvision wheel on the package index is built against CUDA torch. Beside a CPU torch its `_C.so` does not load,
and `import torchvision` then fails because it describes operators that nobody has registered
(pytorch/pytorch#157648, pytorch/vision#8985). Import this module before the first `import torchvision` of a process:
where torchvision works it does nothing; elsewhere it declares the operators that torchvision describes at import and
gives non-maximum suppression, which segment-anything calls, the implementation of OpenCV. `roi_align` then works
through torchvision's own Python path; `deform_conv2d`, `roi_pool` and the image decoders do not.
"""

import importlib.machinery
import importlib.util
import sys

import torch


def _compiled_operators_load() -> bool:
    if torch.version.cuda is not None or "torchvision" in sys.modules:
        return True
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True
    extension = importlib.machinery.FileFinder(
        spec.submodule_search_locations[0],
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES + [".so"]),
    ).find_spec("_C")
    if extension is None:
        return False
    try:
        torch.ops.load_library(extension.origin)
    except OSError:
        return False
    return True


def nms(boxes: torch.Tensor, scores: torch.Tensor, iou_threshold: float) -> torch.Tensor:
    """Greedy non-maximum suppression.

    `boxes`: float `(N, 4)` as x0, y0, x1, y1; `scores`: float `(N,)`. Returns int64 indices of the boxes kept, by
    falling score: a box goes when its intersection over union with a better one exceeds `iou_threshold`.
    Source: the definition in torchvision.ops.nms.
    """
    import cv2

    if not len(boxes):
        return torch.empty(0, dtype=torch.long, device=boxes.device)
    ranks = torch.empty(len(boxes))
    ranks[scores.argsort(descending=True, stable=True).cpu()] = torch.arange(len(boxes), 0, -1.0)
    corners = torch.cat([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], dim=1).double().cpu()
    flat = corners[:, 2:].prod(dim=1) == 0  # overlaps none, and OpenCV takes two of them for the same
    some = torch.nonzero(~flat).flatten()
    kept = cv2.dnn.NMSBoxes(corners[some].tolist(), ranks[some].tolist(), 0, iou_threshold)  # takes no score below 0
    kept = torch.cat([some[torch.as_tensor(kept, dtype=torch.long)], torch.nonzero(flat).flatten()])
    return kept[ranks[kept].argsort(descending=True)].to(boxes.device)


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
