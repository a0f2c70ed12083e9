"""Colour gray pictures with any method.

examples:
  ccc colorize photos/ -o coloured/                        by "CCC (scenes)", which comes with ccc
  ccc colorize photos/ --method ddcolor -o coloured/
  ccc colorize old.jpg 'scans/**/*.tif' --method deoldify --option model=stable -o coloured/
  ccc colorize old.jpg --weights results/train/demo/ccc.safetensors --option decode=argmax -o old-coloured.png
Every picture keeps its name, folder and size and is written as 8-bit sRGB PNG, its transparency kept. A picture that
cannot be read is skipped and named. What was coloured in the same way already is kept, so that the same command goes
on where it stopped. Each frame of a video is coloured by itself, so that its colours may flicker.
"""

from pathlib import Path

from ccc.cli.options import add_options, parse_options
from ccc.cli.progress import bar
from ccc.core.errors import CCCError


def add_arguments(parser):
    parser.add_argument("input", nargs="+", help="pictures, videos, folders of them, or quoted patterns with * or **")
    parser.add_argument("--method", default="ccc", help="see `ccc methods` (default: %(default)s)")
    parser.add_argument("-o", "--output", type=Path, required=True, help="folder, or a .png for a single picture")
    parser.add_argument("--weights", help="weight file of the method (default: where `ccc weights` keeps it)")
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument("--batch", type=int, help="pictures at once (default: 1 on the CPU, 8 elsewhere)")
    parser.add_argument(
        "--max-size", type=int, metavar="PIXELS",
        help="show longer pictures to the method scaled down to this long side, and enlarge only their ab",
    )  # fmt: skip
    parser.add_argument(
        "--keep-ab", action="store_true",
        help="also write NAME.ab.npz, the method's own a and b (float16 H x W x 2), which `ccc harmonize` then takes",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="colour again what is in the output already")
    add_options(
        parser, "of the method, such as decode=argmax or chroma=1 for ccc: `ccc methods ccc` shows and explains them"
    )


def run(args):
    from ccc import colorizers
    from ccc.colorizers import coloring

    for name, least in (("batch", 1), ("max_size", 8)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise CCCError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    if args.keep_ab and args.max_size:
        raise CCCError("--keep-ab does not go with --max-size, by which a and b are enlarged afterwards")
    options = colorizers.todays_options(args.method, parse_options(args.option))
    tasks = coloring.plan(args.input, args.output)
    if args.keep_ab and any(target.suffix != ".png" for target in tasks):
        raise CCCError("--keep-ab does not go with videos, whose frames have no file each")
    colorizer = colorizers.load(args.method, args.weights, args.device, **options)
    weights = colorizers.files(args.method, args.weights, **options)
    made = coloring.note(args.method, weights, options, args.max_size, args.keep_ab)
    since = coloring.newest(weights, options)
    device = getattr(colorizer, "device", None)
    batch = args.batch or (1 if device is None or device.type == "cpu" else 8)
    todo = {
        target: path
        for target, path in tasks.items()
        if args.overwrite or not coloring.is_done(target, path, made, since)
    }
    pictures = {target: path for target, path in todo.items() if target.suffix == ".png"}
    with bar(None, args.method, len(pictures)) as progress:
        done, skipped = coloring.color_pictures(
            colorizer, pictures, batch, args.max_size, made, progress.update, args.keep_ab
        )
    for target in todo.keys() - pictures.keys():
        done += 1
        _video(colorizer, todo[target], target, batch, args.max_size, made)
    kept = len(tasks) - len(todo)
    print(f"{args.output}: {done} coloured by {args.method}, {kept} there already, {len(skipped)} skipped")
    for error in skipped:
        print(f"  skipped {error}")
    return 0 if done or kept else 1


def _video(colorizer, source, target, batch, max_size, made):
    from ccc.colorizers.coloring import color_arrays
    from ccc.colorizers.video import color_video

    with bar(None, source.name, unit=" frames") as progress:
        frames, sound = color_video(
            source,
            target,
            lambda images: color_arrays(colorizer, images, [source.name] * len(images), max_size),
            batch,
            made,
            progress.update,
        )
    print(f"{target}: {frames} frames, each coloured by itself; {sound}")
