"""Colour pictures.

examples:
  ccc colorize photos/ -o coloured/                        by "CCC (scenes)", which comes with ccc
  ccc colorize photos/ --weights results/train/demo/ccc.safetensors --option decode=argmax -o coloured/
  ccc colorize old.jpg holiday.png --method gray -o coloured/
Every picture keeps its name and size and is written as PNG. A picture that cannot be read is skipped and named.
"""

from pathlib import Path

from ccc.cli.options import add_options, parse_options
from ccc.cli.progress import bar


def add_arguments(parser):
    parser.add_argument("input", nargs="+", type=Path, help="pictures, or folders of them")
    parser.add_argument("--method", default="ccc", help="see `ccc methods` (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder for the coloured pictures")
    parser.add_argument("--weights", help="weight file of the method (default: where `ccc weights` keeps it)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument("--overwrite", action="store_true", help="colour again what is in the output already")
    add_options(parser, "of the method, such as decode=annealed for ccc")


def run(args):
    from ccc import colorizers
    from ccc.errors import CCCError, ImageError
    from ccc.images import SUFFIXES, read_rgb, write_png

    tasks: dict[Path, Path] = {}
    for given in args.input:
        if given.is_dir():
            found = sorted(path for path in given.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
            if not found:
                raise CCCError(f"{given}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))})")
            pairs = [(path, path.relative_to(given)) for path in found]
        elif given.exists():
            pairs = [(given, Path(given.name))]
        else:
            raise CCCError(f"{given}: no such picture or folder")
        for path, relative in pairs:
            target = args.output / relative.with_suffix(".png")
            if target in tasks:
                raise CCCError(f"{path} and {tasks[target]} would both be written to {target}: colour them one by one")
            if target.resolve() == path.resolve():
                raise CCCError(f"{path} would be overwritten: give another folder with -o")
            tasks[target] = path
    colorizer = colorizers.load(args.method, args.weights, args.device, **parse_options(args.option))
    done, kept, skipped = 0, 0, []
    for target, path in bar(tasks.items(), args.method):
        if target.exists() and not args.overwrite:
            kept += 1
            continue
        try:
            image = read_rgb(path)
        except ImageError as error:
            skipped.append(error)
            continue
        write_png(target, colorizer.colorize(image))
        done += 1
    print(f"{args.output}: {done} coloured by {args.method}, {kept} there already, {len(skipped)} skipped")
    for error in skipped:
        print(f"  skipped {error}")
    return 0 if done or kept else 1
