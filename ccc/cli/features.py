"""Write the Inception features of true pictures, once for all methods.

example:
  ccc features truth/ -o truth.npz
  ccc evaluate coloured/ truth/ --features truth.npz
The file holds the SHA-256 of each picture and of the weights: it is refused for others.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("truth", type=Path, help="folder of true pictures")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write, .npz of NumPy")
    parser.add_argument("--weights", type=Path, help="file of the Inception network (default: where `ccc weights` is)")
    parser.add_argument(
        "--network", choices=("inception_fid", "inception_torchvision"), default="inception_fid",
        help="which, by its name in `ccc weights`: of FID and KID, or of fid_2048_torchvision (default: %(default)s)",
    )  # fmt: skip


def run(args: Namespace) -> None:
    from ccc.metrics.features import write_features

    count = write_features(args.truth, args.output, args.weights, lambda items: bar(items, "features"), args.network)
    print(f"{args.output}: {count} pictures")
