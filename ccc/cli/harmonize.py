"""Algorithm 1 over a folder of coloured pictures, with masks that `ccc segment` made of the gray ones."""

from pathlib import Path

from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("gray", type=Path, help="folder of gray pictures, whose lightness is kept")
    parser.add_argument("color", type=Path, help="folder of coloured pictures of the same names")
    parser.add_argument("--masks", type=Path, required=True, help="folder of masks (ccc segment)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the harmonized pictures")
    parser.add_argument("--changes", type=Path, help="CSV to write: how much of each picture changed")
    parser.add_argument(
        "--min-pixels", type=int, default=500, help="a segment has more than these (default: %(default)s)"
    )
    parser.add_argument(
        "--delta-a", type=float, default=8, help="tolerated distance from the mode of a (default: %(default)s)"
    )
    parser.add_argument("--delta-b", type=float, default=8, help="the same for b (default: %(default)s)")


def run(args):
    from ccc.harmonize import harmonize_folder

    rows = harmonize_folder(
        args.gray, args.color, args.masks, args.output, args.changes, lambda items: bar(items, "harmonize"),
        min_pixels=args.min_pixels, delta_a=args.delta_a, delta_b=args.delta_b,
    )  # fmt: skip
    mean = sum(row["changed_share"] for row in rows) / len(rows)
    print(f"{args.output}: {len(rows)} pictures, {mean:.1%} of their pixels changed on average")
