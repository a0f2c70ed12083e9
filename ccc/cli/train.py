"""Train the CCC network on shards.

examples:
  ccc train shards/train/*.tar --validation shards/validation/*.tar --codebook codebook.json -o run/
  ccc train ... --processes 4 --precision bfloat16    share each batch among four GPUs of this machine
For several machines run `torchrun ... -m ccc train ...` on each, see docs/cluster.md.
After an interruption the same command resumes from the last saved state and ends as an uninterrupted run would.
SIGTERM, SIGHUP and SIGUSR1 save the state and exit with status 75, on which a scheduler can requeue.
Every validation writes preview.png (from top to bottom gray, truth through its classes, argmax, annealed mean),
history.csv (loss, accuracy, CNR, PSNR, and shares of cells confused between major and minor classes) and classes.csv
(weight of every class, and how often it occurred and was predicted). `tensorboard --logdir run/` shows the curves.
Defaults are the paper's unless config/README.md says otherwise.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.settings.options import Options
from ccc.settings.training import Training

SETTINGS = Options(Training)


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("shards", nargs="+", type=Path, help="training shards (tars of `ccc shard`)")
    parser.add_argument("--validation", nargs="+", type=Path, required=True, help="validation shards")
    parser.add_argument("--codebook", type=Path, required=True, help="codebook of `ccc codebook`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for model, history, preview and state")
    parser.add_argument("--name", default="", help="name of the data in tables")
    SETTINGS.add(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best available)")
    text = "processes that share each batch, one per GPU of this machine; 0 means 1; torchrun sets its own number"
    parser.add_argument("--processes", type=int, default=1, help=f"{text} (default: %(default)s)")


def run(args: Namespace) -> int | None:
    settings = SETTINGS.read(args)

    import torch

    from ccc.cli import threads
    from ccc.codebook import Codebook
    from ccc.core.errors import CCCError, write_line
    from ccc.training.checkpoints import REQUEUE
    from ccc.training.distributed import torchrun
    from ccc.training.loop import Interrupted, train

    if args.processes < 0:
        raise CCCError(f"--processes must be 0 or more, got {args.processes}")
    if args.processes > 1 and "RANK" not in os.environ:
        os.environ["OMP_NUM_THREADS"] = str(max(threads() // args.processes, 1))
        return torchrun(args.processes)
    torch.set_num_threads(threads())
    try:
        path = train(
            args.shards, args.validation, Codebook.load(args.codebook), args.output, settings.recipe(), args.device,
            settings.workers, args.name, log=lambda text: write_line(text, sys.stdout),
        )  # fmt: skip
    except Interrupted as stop:
        write_line(f"ccc train: {stop}", sys.stdout)
        return REQUEUE
    write_line(str(path), sys.stdout)
    return None
