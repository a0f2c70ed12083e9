"""Train the network.

Interrupted at any moment, the same command goes on from the last saved state. On SIGTERM or SIGUSR1 the state is
saved at once and the exit status is 75, on which a scheduler can requeue.
"""

import dataclasses
from pathlib import Path


def add_arguments(parser):
    from ccc.train import Settings

    default = {field.name: field.default for field in dataclasses.fields(Settings)}
    parser.add_argument("shards", nargs="+", type=Path, help="training shards (tars of `ccc shard`)")
    parser.add_argument("--validation", nargs="+", type=Path, required=True, help="validation shards")
    parser.add_argument("--codebook", type=Path, required=True, help="codebook of `ccc codebook`")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for model, history, preview and state")
    parser.add_argument("--name", default="", help="what the data are called, shown in tables")
    parser.add_argument(
        "--encoder", default=default["encoder"], help="densenet121 or mobilenet_v2 (default: %(default)s)"
    )
    parser.add_argument(
        "--pretrained",
        nargs="?",
        const=True,
        default=False,
        help="start from ImageNet weights; a path, or found by `ccc weights`",
    )
    kinds = {"phi": float, "crop": int, "reduction": str}
    texts = {
        "batch_size": "pictures a step",
        "learning_rate": "of Adam",
        "beta1": "of Adam",
        "beta2": "of Adam",
        "upsilon": "trade-off of Eq. 15, in (0, 1]",
        "phi": "trade-off of Eq. 15; left out: 1 / number of classes",
        "reduction": "mean, sum or pixel_mean of the loss",
        "crop": "side of the training crop, a multiple of 32; left out: whole pictures",
        "steps": "steps in all",
        "validate_every": "steps between validations",
        "save_every": "steps between saved states",
        "validation_batches": "batches a validation looks at",
        "seed": "of weights and order",
    }
    for name, text in texts.items():
        kind = kinds.get(name, type(default[name]))
        parser.add_argument(
            "--" + name.replace("_", "-"), type=kind, default=default[name], help=f"{text} (default: %(default)s)"
        )
    parser.add_argument("--no-flip", dest="flip", action="store_false", help="no horizontal flips")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument("--workers", type=int, default=0, help="processes that read shards (default: in this one)")


def run(args):
    import torch

    from ccc.cli import threads
    from ccc.codebook import Codebook
    from ccc.train import REQUEUE, Interrupted, Settings, train

    torch.set_num_threads(threads())
    settings = Settings(**{field.name: getattr(args, field.name) for field in dataclasses.fields(Settings)})
    try:
        path = train(
            args.shards, args.validation, Codebook.load(args.codebook), args.output, settings, args.device,
            args.workers, args.name, say=lambda text: print(text, flush=True),
        )  # fmt: skip
    except Interrupted as stop:
        print(f"ccc train: {stop}")
        return REQUEUE
    print(path)
