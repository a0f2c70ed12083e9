"""Write Inception features of the true pictures, once for all methods.

example:
  ccc features truth/ -o truth.npz
  ccc evaluate coloured/ truth/ --features truth.npz
The file stores the SHA-256 of pictures and weights; `ccc evaluate` refuses it for others.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("truth", type=Path, help="folder of true pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="NumPy .npz file to write")
    parser.add_argument(
        "--weights", type=Path, help="weight file of the network (default: the one that `ccc weights` finds)"
    )
    parser.add_argument(
        "--network", choices=("inception_fid", "inception_torchvision"), default="inception_fid",
        help="network of FID and KID, or of fid_2048_torchvision (default: %(default)s)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    from ccc.metrics.features import write_features
    from ccc.metrics.folders import left_out

    count = write_features(args.truth, args.output, args.weights, lambda items: bar(items, "features"), args.network)
    print("\n".join([f"{args.output}: {count} pictures", *left_out(args.truth)]))
