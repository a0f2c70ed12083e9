"""Eq. 16 with one-hot targets, as the paper prints it, beside `ccc.loss`: time, memory of tensors, equality."""

import argparse
import time
import weakref

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ccc.loss import ClassBalancedCrossEntropy, class_weights


def one_hot_form(logits, target):
    """Weighted sum over classes of one-hot truth times log of softmax, with the weighted mean's denominator."""
    n = logits.shape[1]
    truth = torch.nn.functional.one_hot(target, n).permute(0, 3, 1, 2).float()
    weights = class_weights(truth.sum(dim=(0, 2, 3)))
    loss = -(weights[None, :, None, None] * truth * logits.softmax(dim=1).log()).sum()
    return loss / (weights[None, :, None, None] * truth).sum()


class Live(TorchDispatchMode):
    """Largest number of bytes that tensors made inside the block held at one time."""

    def __init__(self):
        super().__init__()
        self.bytes = self.peak = 0
        self.seen = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        known = {x.untyped_storage()._cdata for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor)}
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in known | self.seen:
                    self.seen.add(storage._cdata)
                    self.bytes += storage.nbytes()
                    weakref.finalize(storage, self._freed, storage._cdata, storage.nbytes())
        self.peak = max(self.peak, self.bytes)
        return out

    def _freed(self, key, size):
        self.seen.discard(key)
        self.bytes -= size


def measure(function, logits, target, rounds):
    """Loss, gradient, peak bytes, and the seconds of each round of forward and backward."""
    logits = logits.clone().requires_grad_()
    with Live() as live:
        loss = function(logits, target)
        loss.backward()
    gradient = logits.grad.clone()
    times = []
    for _ in range(rounds):
        logits.grad = None
        started = time.perf_counter()
        function(logits, target).backward()
        if logits.is_cuda:
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return float(loss.detach()), gradient, live.peak, times


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--classes", type=int, default=215)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    logits = torch.randn(args.batch, args.classes, 56, 56, device=args.device)
    target = (torch.rand(args.batch, 56, 56, device=args.device) ** 4 * args.classes).long()
    ours = ClassBalancedCrossEntropy(args.classes)
    results = {name: [] for name in ("one-hot", "ccc.loss")}
    for _ in range(args.rounds):  # interleaved: other work on the machine hits both alike
        for name, function in (("one-hot", one_hot_form), ("ccc.loss", ours)):
            results[name].append(measure(function, logits, target, 1))
    seconds = {name: min(times[0] for *_, times in runs) for name, runs in results.items()}
    peaks = {name: runs[0][2] for name, runs in results.items()}
    for name in results:
        print(
            f"{name:9s} {seconds[name] * 1e3:7.1f} ms  {peaks[name] / 2**20:6.1f} MiB  loss {results[name][0][0]:.6f}"
        )
    difference = float((results["one-hot"][0][1] - results["ccc.loss"][0][1]).abs().max())
    print(f"largest difference of gradients {difference:.2g}, of {float(results['one-hot'][0][1].abs().max()):.2g}")
    faster, smaller = seconds["one-hot"] / seconds["ccc.loss"], peaks["ccc.loss"] / peaks["one-hot"]
    print(f"batch {args.batch} x {args.classes} x 56 x 56 on {args.device}, {args.threads} thread(s): ", end="")
    print(f"{faster:.2f}x as fast in {smaller:.2f} of the memory (goal: 2.3x in 0.65)")


if __name__ == "__main__":
    main()
