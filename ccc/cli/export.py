"""Export a trained model as ONNX, torch.export or half-size weights.

examples:
  ccc export results/train/demo/ccc.safetensors -o ccc.onnx
  ccc export results/train/demo/ccc.safetensors -o ccc.pt2 --decode annealed
  ccc export results/train/demo/ccc.safetensors -o half.safetensors --vividness 0.3
Decoding options default to the model's own, or to the paper's if --decode differs from the model's.
Input `gray`: L / 100, float (N, 1, H, W), sides multiples of 32, at least 64. Outputs: `logits` and `ab`, at a quarter
of the size.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc.settings.decoding import PAPERS_DECODING, Decoding
from ccc.settings.options import Options

DECODING = Options(Decoding, only=(*PAPERS_DECODING, "vividness"))


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "model", type=Path, nargs="?", help="a ccc.safetensors (default: the model that comes with ccc)"
    )
    text = "NAME.onnx, .pt2 (torch.export), or .safetensors (the model in float16, half the size)"
    parser.add_argument("-o", "--output", type=Path, required=True, help=text)
    DECODING.add(parser)
    parser.add_argument("--note", help="description of the model, stored in its settings")


def run(args: Namespace) -> None:
    from ccc.assets import PUBLISHED
    from ccc.training.export import SIDES, export

    chosen = DECODING.read(args).model_dump(include=set(DECODING.flags))
    difference = export(args.model or PUBLISHED, args.output, note=args.note, **chosen)
    print(f"{args.output}: logits of {len(SIDES)} random pictures differ from the model's by at most {difference:.1g}")
