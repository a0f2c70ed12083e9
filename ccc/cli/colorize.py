"""Colour gray pictures with any method.

examples:
  ccc colorize photos/ -o coloured/                        with the model that comes with ccc
  ccc colorize photos/ --method ddcolor -o coloured-ddcolor/
  ccc colorize photos/ --vividness 0.8 -o vivid/           more colours, and more of them wrong
  ccc colorize old.jpg 'scans/**/*.tif' --method deoldify --option model=stable -o coloured-deoldify/
  ccc colorize old.jpg --weights results/train/demo/ccc.safetensors --option decode=argmax -o old-coloured.png
  ccc colorize scans/ --format tiff --pages all --compare -o scans-coloured/
  ccc colorize album/ --skip-color --format jpeg --quality 90 -o album-coloured/
Results keep name, folder, size, transparency, date, caption, author, copyright, place, camera and resolution of their
source. They are sRGB PNG files unless --format or the name after -o says otherwise. Gray of more than 8 bits gives PNG
or TIFF of 16 bits a channel with the same lightness; JPEG has 8 bits, with transparency laid over white. Other files in
a folder are ignored and counted; unreadable pictures are skipped and named. scan.jpg and scan.tif in one folder become
scan.jpg.png and scan.tif.png.
Every result records method, weights, options and the SHA-256 of its source. The same command skips finished results, so
that it resumes where it stopped. It keeps and lists results of other sources or options; --overwrite replaces them,
--renew only those of other sources. Video frames are coloured one by one, so that colours may flicker.
Exit status: 0 all done, 3 something was skipped or kept, 1 no result.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ccc import colorizers
from ccc.cli.options import add_allow_skipped, add_options, parse_options, skipped_status
from ccc.cli.progress import bar
from ccc.colorizers import coloring, notes, planning
from ccc.colorizers.base import JPEG_QUALITY, Colorizer
from ccc.colorizers.coloring import Outcome
from ccc.colorizers.planning import Plan, Task
from ccc.colorizers.video import color_video
from ccc.core.errors import CCCError, ImageError, few
from ccc.core.files import sha256
from ccc.settings.decoding import Decoding
from ccc.settings.options import Options

VIVIDNESS = Options(
    Decoding,
    only=["vividness"],
    texts={"vividness": "vividness of `ccc`, from 0 (pale, safe) to 1 (colourful, more often wrong)"},
)
SHOWN = 5  # files listed for each reason


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("input", nargs="+", help="pictures, videos, folders of them, or quoted patterns with * or **")
    parser.add_argument("--method", default="ccc", help="method, see `ccc methods` (default: %(default)s)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True,
        help="folder to write; for one picture also a .png, .jpg or .tif, for one video an .mp4",
    )  # fmt: skip
    parser.add_argument("--weights", help="weight file of the method (default: the one that `ccc weights` finds)")
    VIVIDNESS.add(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best available)")
    parser.add_argument("--batch", type=int, help="pictures per batch (default: 1 on the CPU, 8 elsewhere)")
    parser.add_argument(
        "--max-size", type=int, metavar="PIXELS",
        help="scale larger pictures down to this long side for the method, then enlarge only the predicted ab",
    )  # fmt: skip
    parser.add_argument(
        "--format", choices=["png", "jpeg", "tiff"], help="format of pictures in a folder (default: png)"
    )
    parser.add_argument("--quality", type=int, help=f"JPEG quality, 1 to 100 (default: {JPEG_QUALITY}, chroma 4:4:4)")
    parser.add_argument(
        "--depth", choices=["auto", "8", "16"], default="auto",
        help="bits a channel (default: auto, 16 if the gray has more than 8 bits and the format allows it)",
    )  # fmt: skip
    parser.add_argument(
        "--pages", choices=["first", "all"], default="first",
        help="pages or frames of a TIFF, GIF, APNG or WebP: first, or all as NAME.p1.png ... (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-color", action="store_true",
        help="skip pictures that have colours; sepia, yellowed paper and other tints do not count as colours",
    )  # fmt: skip
    parser.add_argument(
        "--compare", action="store_true", help="also write NAME.compare.jpg, with before and after side by side"
    )
    parser.add_argument(
        "--keep-ab", action="store_true",
        help="also write NAME.ab.npz, the predicted a and b (float16 H x W x 2), which `ccc harmonize` then uses",
    )  # fmt: skip
    parser.add_argument("--overwrite", action="store_true", help="replace existing results")
    parser.add_argument("--renew", action="store_true", help="replace results of other sources")
    add_allow_skipped(parser)
    add_options(parser, "of the method, such as decode=argmax for ccc; `ccc methods ccc` explains them")


def run(args: Namespace) -> int:
    _check(args)
    given = parse_options(args.option, colorizers.kinds(args.method))
    flag = VIVIDNESS.read(args).model_dump(exclude_unset=True)
    if flag and "vividness" in given:
        raise CCCError("give --vividness or --option vividness, not both")
    given |= flag
    options = colorizers.todays_options(args.method, given)
    plan = planning.plan(args.input, args.output, args.format, args.pages == "all")
    _check_plan(args, plan)
    colorizer = colorizers.load(args.method, args.weights, args.device, **options)
    weights = colorizers.files(args.method, args.weights, **options)
    if colorizer.needs_color:
        coloring.skip_gray(plan, args.method)
    quality = args.quality or JPEG_QUALITY
    wishes = notes.Wishes(args.max_size, args.keep_ab, args.depth, quality, args.compare, args.skip_color)
    made = notes.note(args.method, weights, options, wishes)
    todo, others = _missing(args, plan, made)
    device = getattr(colorizer, "device", None)
    batch = args.batch or (1 if device is None or device.type == "cpu" else 8)
    pictures = [task for task in todo if not task.video]
    with bar(None, args.method, len(pictures)) as progress:
        outcome = coloring.color_pictures(colorizer, pictures, batch, wishes, made, progress.update)
    for task in todo:
        if task.video:
            _video(colorizer, task, batch, args.max_size, made, outcome)
    outcome.skipped += plan.skipped
    kept = len(plan.tasks) - len(todo) - len(others)
    _summarize(args, plan, outcome, kept, others)
    if not (outcome.done or kept or others or outcome.colored_already):
        return 1
    return skipped_status(args, len(outcome.skipped) + len(others))


def _missing(args: Namespace, plan: Plan, made: str) -> tuple[list[Task], dict[Path, str]]:
    """The tasks still to do; and for each file that holds another result, why it differs."""
    todo, others = [], {}
    for task in plan.tasks:
        state = None if args.overwrite else notes.standing(task, made)
        if args.renew and state == notes.OTHER_SOURCE:
            state = None
        lacks_sheet = args.compare and not task.video and not coloring.sheet_of(task.target).is_file()
        if state:
            others[task.target] = state
        elif state is None or lacks_sheet:
            todo.append(task)
    if others and len(plan.tasks) == 1:
        ((target, state),) = others.items()
        remedy = "--renew or --overwrite" if state == notes.OTHER_SOURCE else "--overwrite"
        raise CCCError(f"{target}: is there, {state}; give another name or folder with -o, or {remedy} to replace it")
    return todo, others


def _check(args: Namespace) -> None:
    for name, least in (("batch", 1), ("max_size", 8), ("quality", 1)):
        value = getattr(args, name)
        if value is not None and value < least:
            raise CCCError(f"--{name.replace('_', '-')} must be at least {least}, got {value}")
    if args.quality is not None and args.quality > 100:
        raise CCCError(f"--quality must be at most 100, got {args.quality}")
    if args.keep_ab and args.max_size:
        raise CCCError("--keep-ab cannot be combined with --max-size, which enlarges a and b afterwards")


def _check_plan(args: Namespace, plan: Plan) -> None:
    jpegs = [task.target for task in plan.tasks if task.target.suffix.lower() in (".jpg", ".jpeg")]
    if args.quality is not None and plan.tasks and not jpegs:
        raise CCCError("--quality applies to JPEG only, and no result is JPEG: add --format jpeg, or omit it")
    videos = [task.source.name for task in plan.tasks if task.video]
    given = [f"--{name.replace('_', '-')}" for name in ("compare", "skip_color", "keep_ab") if getattr(args, name)]
    if given and videos:
        plan.lines.append(f"{', '.join(given)}: not applied to videos: {few(videos)}")
    if args.depth == "16" and jpegs:
        raise CCCError("--depth 16 cannot be combined with JPEG, which has 8 bits; use --format png or tiff")


def _video(colorizer: Colorizer, task: Task, batch: int, max_size: int | None, made: str, outcome: Outcome) -> None:
    source = task.source
    with bar(None, source.name, unit=" frames") as progress:
        try:
            frames, sound = color_video(
                source, task.target,
                lambda images: coloring.color_arrays(colorizer, images, [source.name] * len(images), max_size),
                batch, notes.of_source(made.removesuffix(notes.KEEP_AB), sha256(source)), progress.update,
            )  # fmt: skip
        except CCCError as error:  # the next video may be readable
            reason = str(error).removeprefix(f"{source}: ")
            outcome.skipped.append(ImageError(str(source), "video not coloured", reason))
            return
    outcome.done += 1
    print(f"{task.target}: {frames} frames, each coloured by itself; {sound}")


def _summarize(args: Namespace, plan: Plan, outcome: Outcome, kept: int, others: dict[Path, str]) -> None:
    """Print what was done, then what was not, by reason."""
    for line in plan.lines:
        print(line)
    words = [f"{outcome.done} coloured by {args.method}", f"{kept} there already", f"{len(outcome.skipped)} skipped"]
    words += [f"{len(others)} kept that are other results"] if others else []
    words += [f"{len(outcome.colored_already)} left out that have colours"] if args.skip_color else []
    words += [f"{plan.others} other file{'s' * (plan.others > 1)} ignored"] if plan.others else []
    print(f"{args.output}: {', '.join(words)}")
    _name("skipped", [(error.reason, str(error)) for error in outcome.skipped])
    _name("kept", [(state, f"{target}: {state}") for target, state in others.items()])
    if others:
        print(
            "  to replace them use --overwrite, or --renew for those of other sources; or give another folder with -o"
        )
    if outcome.pages_left:
        count = sum(outcome.pages_left.values())
        first = next(iter(outcome.pages_left))
        more = " among others" if len(outcome.pages_left) > 1 else ""
        print(f"  {count} pages or frames beyond the first left out, in {first}{more}; use --pages all to colour them")


def _name(what: str, found: list[tuple[str, str]]) -> None:
    by_reason: dict[str, list[str]] = {}
    for reason, text in found:
        by_reason.setdefault(reason, []).append(text)
    for reason, texts in by_reason.items():
        for text in texts[:SHOWN]:
            print(f"  {what} {text}")
        if len(texts) > SHOWN:
            print(f"  {what} {len(texts) - SHOWN} more: {reason}")
