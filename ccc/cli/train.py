"""Train the network.

examples:
  ccc train shards/train/*.tar --validation shards/validation/*.tar --codebook codebook.json -o run/
  ccc train ... --processes 4 --precision bfloat16    four GPUs of this machine share each batch
Several machines: `torchrun ... -m ccc train ...` on each of them, as docs/cluster.md shows.
Interrupted at any moment, the same command goes on from the last saved state, and ends where the unbroken run would
have ended. On SIGTERM, SIGHUP or SIGUSR1 the state is saved at once and the exit status is 75, on which a scheduler can
requeue.
At every validation the folder gets preview.png (from top to bottom gray, the truth through its classes, argmax, the
annealed mean), history.csv (loss, accuracy, CNR, PSNR, and the shares of major classes' cells taken for minor ones and
the other way round), and classes.csv (weight of every class, and how often it occurred and was predicted).
The defaults are the paper's; `tensorboard --logdir run/` shows the curves.
"""

import dataclasses
import os
import sys
from pathlib import Path

KINDS = {"phi": float, "crop": int}  # of settings whose default is None
HELP = {
    "batch_size": "pictures a step",
    "learning_rate": "of Adam",
    "beta1": "of Adam",
    "beta2": "of Adam",
    "encoder_rate": "factor on the encoder's learning rate",
    "schedule": "constant, cosine, or cooldown: constant and then linear to zero",
    "warmup": "steps over which the learning rate grows",
    "cooldown": "share of the steps over which the cooldown goes",
    "clip": "largest norm of the gradient; 0 for any",
    "ema": "decay of the running mean of the weights, which is then kept instead of them; 0 for none",
    "decoder": "plain (the paper's) or skip, which also sees the encoder's finer maps",
    "balance": "class weights: cbce (Eq. 15), inverse, none, or cic (rebalancing of Zhang et al. 2016)",
    "counts": "count classes over the batch of all ranks, or each rank its own: batch, rank",
    "upsilon": "trade-off of Eq. 15, in (0, 1]",
    "phi": "trade-off of Eq. 15; left out: 1 / number of classes",
    "reduction": "mean, sum or pixel_mean of the loss",
    "crop": "side of the training crop, a multiple of 32; left out: whole pictures",
    "zoom": "least side of a training crop as a share of the picture's, enlarged or reduced to --crop, or to the "
    "picture's side; 0 for crops as they are",
    "relight": "change of lightness in octaves of its exponent: 1 for powers of 1/2 to 2; 0 for none",
    "precision": "of the network's arithmetic: float32, bfloat16, float16",
    "steps": "steps in all",
    "validate_every": "steps between validations",
    "save_every": "steps between saved states",
    "keep": "saved states that are kept",
    "validation_batches": "batches a validation looks at",
    "select": "the model that is kept: the last, or the best by validation loss: last, best",
    "seed": "of weights and order",
}


def add_arguments(parser):
    from ccc.settings import Settings

    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    parser.add_argument("shards", nargs="+", type=Path, help="training shards (tars of `ccc shard`)")
    parser.add_argument("--validation", nargs="+", type=Path, required=True, help="validation shards")
    parser.add_argument("--codebook", type=Path, required=True, help="codebook of `ccc codebook`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for model, history, preview and state")
    parser.add_argument("--name", default="", help="what the data are called, shown in tables")
    parser.add_argument(
        "--encoder",
        default=default["encoder"],
        help="classifier of torchvision with features at 1/32 of the picture, such as resnet50 (default: %(default)s)",
    )
    parser.add_argument(
        "--pretrained",
        nargs="?",
        const=True,
        default=False,
        help="start from ImageNet weights; a path, or found by `ccc weights`",
    )
    parser.add_argument(
        "--init",
        nargs="?",
        const=True,
        default=False,
        help="start from a trained model: a path, or the one that comes with ccc; its classes may be others",
    )
    for name, text in HELP.items():
        kind = KINDS.get(name, type(default[name]))
        parser.add_argument(
            "--" + name.replace("_", "-"), type=kind, default=default[name], help=f"{text} (default: %(default)s)"
        )
    parser.add_argument("--no-flip", dest="flip", action="store_false", help="no horizontal flips")
    parser.add_argument("--no-tf32", dest="tf32", action="store_false", help="on CUDA, multiply float32 in full")
    parser.add_argument(
        "--sync-batchnorm",
        action="store_true",
        help="with several GPUs, normalize over the batch of all processes, not each over its own share",
    )
    parser.add_argument("--compile", action="store_true", help="compile the network first (minutes)")
    parser.add_argument(
        "--deterministic", action="store_true", help="only algorithms that give the same bits again (slower on CUDA)"
    )
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument(
        "--processes",
        type=int,
        default=1,
        help="how many share each batch, one a GPU of this machine; 0 is 1, under torchrun the number is its own"
        " (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=0, help="processes that read shards (default: in this one)")


def run(args):
    import torch

    from ccc.cli import threads
    from ccc.codebook import Codebook
    from ccc.core.errors import CCCError, write_line
    from ccc.settings import Settings
    from ccc.training.checkpoints import REQUEUE
    from ccc.training.distributed import torchrun
    from ccc.training.loop import Interrupted, train

    if args.processes < 0:
        raise CCCError(f"--processes must be 0 or more, got {args.processes}")
    if args.processes > 1 and "RANK" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(max(threads() // args.processes, 1))
        return torchrun(args.processes)
    torch.set_num_threads(threads())
    settings = Settings(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Settings)})
    try:
        path = train(
            args.shards, args.validation, Codebook.load(args.codebook), args.output, settings, args.device,
            args.workers, args.name, log=lambda text: write_line(text, sys.stdout),
        )  # fmt: skip
    except Interrupted as stop:
        write_line(f"ccc train: {stop}", sys.stdout)
        return REQUEUE
    write_line(path, sys.stdout)
