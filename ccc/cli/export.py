"""A trained model for other programs: ONNX or torch.export.

examples:
  ccc export results/train/demo/ccc.safetensors -o ccc.onnx
  ccc export results/train/demo/ccc.safetensors -o ccc.pt2 --decode annealed
  ccc export results/train/demo/ccc.safetensors -o half.safetensors --vividness 0.3
What is not given of the decoding is the model's own, or the paper's where --decode is not the model's own.
Input `gray`: L / 100, float (N, 1, H, W), sides multiples of 32 from 64 up. Outputs `logits` and `ab`, at a quarter of
the size.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.settings.decoding import PAPERS_DECODING, Decoding
from ccc.settings.options import Options

DECODING = Options(Decoding, only=(*PAPERS_DECODING, "vividness"))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("model", type=Path, nargs="?", help="a ccc.safetensors (default: the one that comes with ccc)")
    text = "NAME.onnx, .pt2 (torch.export), or .safetensors, a model again, of half the size (float16)"
    parser.add_argument("-o", "--output", type=Path, required=True, help=text)
    DECODING.add(parser)
    parser.add_argument("--note", help="a line on what the model is, kept among its settings")


def run(args: Namespace) -> None:
    from ccc.assets import PUBLISHED
    from ccc.training.export import SIDES, export

    chosen = DECODING.read(args).model_dump(include=set(DECODING.flags))
    difference = export(args.model or PUBLISHED, args.output, note=args.note, **chosen)
    print(f"{args.output}: as the model to {difference:.1g} in the logits of {len(SIDES)} random pictures")
