"""torchvision works in a fresh process whichever part of ccc needs it first."""

import subprocess
import sys

import pytest
import torch

from ccc.core.torchvision_ops import nms

USERS = {
    "the network": "from ccc.model import ColorClassifier; ColorClassifier(3, 'mobilenet_v2')",
    "Inception": "from ccc.metrics.inception import inception; inception()",
    "Segment Anything": "from ccc.segment.sam import build; build('mobile_sam')",
}


@pytest.mark.parametrize("user", USERS)
def test_each_user_registers_the_operators_itself(user):
    run = subprocess.run([sys.executable, "-c", USERS[user]], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.mark.skipif(torch.version.cuda is not None, reason="torchvision's operators load here")
def test_operators_that_do_not_load_beside_cuda_are_replaced_too():
    """As those of another version of CUDA torch, which this one claims to be."""
    code = f"import torch; torch.version.cuda = '13.0'; {USERS['the network']}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_lpips_registers_the_operators_itself(shared):
    code = (
        "import sys, numpy as np; from ccc.metrics import lpips; a = np.zeros((64, 64, 3), np.uint8); "
        "assert lpips(a, a, weights=sys.argv[1]) == 0"
    )
    trunk = str(shared("weights/alexnet_features.pth"))
    run = subprocess.run([sys.executable, "-c", code, trunk], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_nms_keeps_the_best_of_each_heap():
    boxes = torch.tensor([[0, 0, 10, 10], [1, 1, 11, 11], [20, 20, 30, 30], [0, 0, 10, 1]], dtype=torch.float)
    scores = torch.tensor([0.5, 0.9, 0.3, 0.8])
    assert nms(boxes, scores, 0.5).tolist() == [1, 3, 2]
    assert nms(boxes, scores, 1.0).tolist() == [1, 3, 0, 2]
    assert nms(boxes[:0], scores[:0], 0.5).tolist() == []


def test_nms_keeps_boxes_without_area_as_torchvision_does():
    boxes = torch.tensor([[5, 5, 5, 9], [0, 0, 10, 10], [5, 5, 5, 9], [1, 1, 10, 10]], dtype=torch.float)
    assert nms(boxes, torch.tensor([0.3, 0.9, 0.8, 0.5]), 0.5).tolist() == [1, 2, 0]
