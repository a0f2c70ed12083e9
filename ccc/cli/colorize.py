"""Colour gray pictures with any method.

examples:
  ccc colorize photos/ -o coloured/                        by the model that comes with ccc
  ccc colorize photos/ --method ddcolor -o coloured-ddcolor/
  ccc colorize photos/ --vividness 0.8 -o vivid/           more colours, and more of them wrong
  ccc colorize old.jpg 'scans/**/*.tif' --method deoldify --option model=stable -o coloured-deoldify/
  ccc colorize old.jpg --weights results/train/demo/ccc.safetensors --option decode=argmax -o old-coloured.png
  ccc colorize scans/ --format tiff --pages all --compare -o scans-coloured/
  ccc colorize album/ --skip-color --format jpeg --quality 90 -o album-coloured/
Every picture keeps its name, folder and size, its transparency, its date, caption, author, copyright, place, camera and
resolution, and is written as sRGB: PNG, or what --format or the name after -o says. Gray of more than 8 bits gives PNG
and TIFF of 16 bits a channel with the same lightness; a JPEG has 8, and its transparency is laid over white. Files are
told by what they hold: those in a folder that are no pictures are passed over and counted, a picture that cannot be
read is skipped and named. scan.jpg and scan.tif in one folder become scan.jpg.png and scan.tif.png.
Every result notes the method, its weights and options, and the SHA-256 of its source. What is there already in the
same way is kept, so that the same command goes on where it stopped; what was made of another picture or with other
options is kept too, and named, unless --overwrite is given, or --renew for what was made of another picture. Each frame
of a video is coloured by itself, so that its colours may flicker. Exit status: 0 all is done, 3 something was skipped
or kept, 1 nothing came out.
"""

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from ccc.cli.options import add_allow_skipped, add_options, parse_options, skipped_status
from ccc.cli.progress import bar
from ccc.core.errors import CCCError, few
from ccc.settings.decoding import Decoding
from ccc.settings.options import Options

if TYPE_CHECKING:
    from ccc.colorizers.base import Colorizer
    from ccc.colorizers.coloring import Outcome
    from ccc.colorizers.planning import Plan, Task

VIVIDNESS = Options(
    Decoding,
    only=["vividness"],
    texts={"vividness": "of `ccc`, from 0, pale and safe, to 1, full of colours and more often wrong"},
)
SHOWN = 5  # files named for each reason


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("input", nargs="+", help="pictures, videos, folders of them, or quoted patterns with * or **")
    parser.add_argument("--method", default="ccc", help="see `ccc methods` (default: %(default)s)")
    parser.add_argument(
        "-o", "--output", type=Path, required=True,
        help="folder, or a .png, .jpg or .tif for a single picture, .mp4 for a video",
    )  # fmt: skip
    parser.add_argument("--weights", help="weight file of the method (default: where `ccc weights` keeps it)")
    VIVIDNESS.add(parser)
    parser.add_argument("--device", help="cpu, cuda, cuda:1, mps (default: the best there is)")
    parser.add_argument("--batch", type=int, help="pictures at once (default: 1 on the CPU, 8 elsewhere)")
    parser.add_argument(
        "--max-size", type=int, metavar="PIXELS",
        help="show longer pictures to the method scaled down to this long side, and enlarge only their ab",
    )  # fmt: skip
    parser.add_argument("--format", choices=["png", "jpeg", "tiff"], help="of the pictures in a folder (default: png)")
    parser.add_argument("--quality", type=int, help="of JPEG, 1 to 100 (default: 95, colours 4:4:4)")
    parser.add_argument(
        "--depth", choices=["auto", "8", "16"], default="auto",
        help="bits a channel (default: auto, 16 where the picture has gray of more than 8 and the format can hold it)",
    )  # fmt: skip
    parser.add_argument(
        "--pages", choices=["first", "all"], default="first",
        help="of a TIFF, GIF, APNG or WebP of several: the first, or each as NAME.p1.png, ... (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--skip-color", action="store_true",
        help="leave out pictures that have colours; sepia, yellowed paper and other tints do not count as such",
    )  # fmt: skip
    parser.add_argument("--compare", action="store_true", help="also write NAME.compare.jpg, before beside after")
    parser.add_argument(
        "--keep-ab", action="store_true",
        help="also write NAME.ab.npz, the method's own a and b (float16 H x W x 2), which `ccc harmonize` then takes",
    )  # fmt: skip
    parser.add_argument(
        "--overwrite", action="store_true", help="colour again, and replace, what is in the output already"
    )
    parser.add_argument(
        "--renew", action="store_true", help="colour again, and replace, what the same command made of other sources"
    )
    add_allow_skipped(parser)
    add_options(
        parser, "of the method, such as decode=argmax or chroma=1 for ccc: `ccc methods ccc` shows and explains them"
    )


def run(args: Namespace) -> int:
    from ccc import colorizers
    from ccc.colorizers import coloring, notes, planning

    _check(args)
    given = parse_options(args.option) | VIVIDNESS.read(args).model_dump(exclude_unset=True)
    options = colorizers.todays_options(args.method, given)
    plan = planning.plan(args.input, args.output, args.format, args.pages == "all")
    _check_plan(args, plan)
    colorizer = colorizers.load(args.method, args.weights, args.device, **options)
    weights = colorizers.files(args.method, args.weights, **options)
    quality = 95 if args.quality is None else args.quality
    made = notes.note(args.method, weights, options, args.max_size, args.keep_ab, args.depth, quality)
    todo, others = _missing(args, plan, made)
    device = getattr(colorizer, "device", None)
    batch = args.batch or (1 if device is None or device.type == "cpu" else 8)
    pictures = [task for task in todo if not task.video]
    wishes = coloring.Wishes(args.max_size, args.keep_ab, args.depth, quality, args.compare, args.skip_color)
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


def _missing(args: Namespace, plan: "Plan", made: str) -> "tuple[list[Task], dict[Path, str]]":
    """The tasks whose results are not there; and by file, in words, which other results are."""
    from ccc.colorizers import coloring, notes

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
        raise CCCError("--keep-ab does not go with --max-size, by which a and b are enlarged afterwards")


def _check_plan(args: Namespace, plan: "Plan") -> None:
    jpegs = [task.target for task in plan.tasks if task.target.suffix.lower() in (".jpg", ".jpeg")]
    if args.quality is not None and plan.tasks and not jpegs:
        raise CCCError("--quality is of JPEG, and no result is one: add --format jpeg, or leave it out")
    videos = [task.source.name for task in plan.tasks if task.video]
    if (args.compare or args.skip_color or args.keep_ab) and videos:
        plan.lines.append(
            f"--compare, --skip-color and --keep-ab are for pictures: videos are coloured without, {few(videos)}"
        )
    if args.depth == "16" and jpegs:
        raise CCCError("--depth 16 does not go with JPEG, which holds 8 bits; take --format png or tiff")


def _video(
    colorizer: "Colorizer", task: "Task", batch: int, max_size: int | None, made: str, outcome: "Outcome"
) -> None:
    from ccc.colorizers.coloring import color_arrays
    from ccc.colorizers.notes import KEEP_AB, of_source
    from ccc.colorizers.video import color_video
    from ccc.core.errors import ImageError
    from ccc.core.files import sha256

    source = task.source
    with bar(None, source.name, unit=" frames") as progress:
        try:
            frames, sound = color_video(
                source,
                task.target,
                lambda images: color_arrays(colorizer, images, [source.name] * len(images), max_size),
                batch,
                of_source(made.removesuffix(KEEP_AB), sha256(source)),
                progress.update,
            )
        except CCCError as error:  # another one may be whole
            reason = str(error).removeprefix(f"{source}: ")
            outcome.skipped.append(ImageError(str(source), "video not coloured", reason))
            return
    outcome.done += 1
    print(f"{task.target}: {frames} frames, each coloured by itself; {sound}")


def _summarize(args: Namespace, plan: "Plan", outcome: "Outcome", kept: int, others: "dict[Path, str]") -> None:
    """What was done, then everything given that was not, by reason."""
    for line in plan.lines:
        print(line)
    words = [f"{outcome.done} coloured by {args.method}", f"{kept} there already", f"{len(outcome.skipped)} skipped"]
    words += [f"{len(others)} kept that are other results"] if others else []
    words += [f"{len(outcome.colored_already)} left out that have colours"] if args.skip_color else []
    words += [f"{plan.others} passed over as no pictures"] if plan.others else []
    print(f"{args.output}: {', '.join(words)}")
    _name("skipped", [(error.reason, str(error)) for error in outcome.skipped])
    _name("kept", [(state, f"{target}: {state}") for target, state in others.items()])
    if others:
        print(
            "  give another folder with -o for these, or replace all by --overwrite, those of other sources by --renew"
        )
    if outcome.pages_left:
        count = sum(outcome.pages_left.values())
        first = next(iter(outcome.pages_left))
        more = " among others" if len(outcome.pages_left) > 1 else ""
        print(f"  {count} pages or frames beyond the first left out, of {first}{more}; --pages all colours them")


def _name(what: str, found: list[tuple[str, str]]) -> None:
    by_reason: dict[str, list[str]] = {}
    for reason, text in found:
        by_reason.setdefault(reason, []).append(text)
    for reason, texts in by_reason.items():
        for text in texts[:SHOWN]:
            print(f"  {what} {text}")
        if len(texts) > SHOWN:
            print(f"  {what} {len(texts) - SHOWN} more: {reason}")
