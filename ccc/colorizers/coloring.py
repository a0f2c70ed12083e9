"""Colour picture files with any method, and write them with `filing`."""

import dataclasses
import functools
import hashlib
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccc.color import in_parts, lab_to_rgb, lightness, resize_ab, rgb_to_lab, with_ab
from ccc.colorizers import Colorizer, filing
from ccc.colorizers.notes import MADE, Wishes, of_source, read_note
from ccc.colorizers.planning import Plan, Task
from ccc.core.errors import CCCError, ImageError
from ccc.core.images import ab_file, page_count, read_gray16, read_rgb, read_rgba, write_ab
from ccc.data.files import COMPARE, SHEET_NOTE

COLORED = 4.0  # mean distance in ab from the tint's colour at each lightness; less is noise
SHEET = 1024  # pixels of the long side of either half of a before/after sheet


@dataclasses.dataclass
class Outcome:
    """Result of colouring: pictures done, skipped with the reason, already coloured, and pages left out."""

    done: int = 0
    skipped: list[ImageError] = dataclasses.field(default_factory=list)
    colored_already: list[Path] = dataclasses.field(default_factory=list)
    pages_left: dict[Path, int] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class _Picture:
    task: Task
    rgb: np.ndarray
    opacity: np.ndarray | None
    gray: np.ndarray | None  # uint16, where the file holds more than 8 bits
    record: filing.Record
    digest: str


def color_arrays(
    colorizer: Colorizer, images: Sequence[np.ndarray], names: Sequence[str], max_size: int | None = None
) -> list[np.ndarray]:
    """Colour pictures, uint8 RGB `(H, W, 3)` of any sizes, in one batch.

    `max_size`: a picture whose long side is longer is shown to the method scaled down to it, and only the ab of what
    comes back is brought to the picture's size, bilinearly, beside its own L. Raises as `Colorizer.colorize_batch`.
    """
    small = [_shrunk(image, max_size) if max_size else image for image in images]
    if colorizer.by_name:
        if any(one.shape != image.shape for one, image in zip(small, images, strict=True)):
            raise CCCError("--max-size does not go with what is kept for each picture, which fits its own size only")
        colored = [colorizer.colorize_named(name, image) for name, image in zip(names, small, strict=True)]
    else:
        colored = colorizer.colorize_batch(small)
    return [
        one if one.shape == image.shape else with_ab(image, resize_ab(rgb_to_lab(one)[..., 1:], *image.shape[:2]))
        for one, image in zip(colored, images, strict=True)
    ]


def _shrunk(image: np.ndarray, max_size: int) -> np.ndarray:
    height, width = image.shape[:2]
    scale = max_size / max(height, width)
    if scale >= 1:
        return image
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def sheet_of(target: Path) -> Path:
    """Path of the before/after sheet of a result."""
    return target.with_suffix(COMPARE)


def color_pictures(
    colorizer: Colorizer,
    tasks: Sequence[Task],
    batch: int = 1,
    wishes: Wishes = Wishes(),  # noqa: B008  frozen
    made: str = MADE,
    told: Callable[[int], None] = lambda count: None,
) -> Outcome:
    """Colour picture files, `batch` at a time; `tasks`: see `planning.plan`.

    Transparency, more than 8 bits of gray, and what the file says of itself are kept. `made`: see `notes.note`; `told`
    is called with the number of pictures after each batch. A picture that cannot be read, or is too large for its
    format, is skipped. Raises CCCError where the method fails or has no a and b to keep, naming the picture.
    """
    outcome, left = Outcome(), iter(tasks)
    while chunk := list(itertools.islice(left, batch)):
        read = []
        for task in chunk:
            try:
                picture = _read(task, wishes, outcome)
            except ImageError as error:
                outcome.skipped.append(error)
                continue
            if wishes.skip_color and is_colored(picture.rgb):
                outcome.colored_already.append(task.source)
            else:
                read.append(picture)
        pictures = [picture.rgb for picture in read]
        try:
            own: list[np.ndarray | None] = [None] * len(read)
            if wishes.keep_ab:
                own = given = [colorizer.own_ab(picture) for picture in pictures]
                colored = [with_ab(picture, ab) for picture, ab in zip(pictures, given, strict=True)]
            else:
                names = [picture.task.source.name for picture in read]
                colored = color_arrays(colorizer, pictures, names, wishes.max_size) if read else []
        except CCCError as error:
            raise CCCError(f"{', '.join(str(picture.task.source) for picture in read)}: {error}") from None
        for picture, rgb, ab in zip(read, colored, own, strict=True):
            try:
                _write(picture, rgb, ab, wishes, made)
                outcome.done += 1
            except ImageError as error:
                outcome.skipped.append(error)
        told(len(chunk))
    return outcome


def skip_gray(plan: Plan, method: str) -> None:
    """Move a plan's pictures to its skipped ones if none has a colour, for a method that `needs_color`.

    One picture in colour keeps them all: the gray ones are then photographs whose true colours are gray. So are those
    of a folder `truth` of `ccc prepare`.
    """
    gray = set()
    for task in plan.tasks:
        folder = task.source.absolute().parent
        if folder.name == "truth" and (folder.parent / "manifest.csv").is_file():
            return
        try:
            if task.video:
                continue
            if (np.ptp(read_rgb(task.source, page=task.page or 0), axis=-1) > 1).any():  # 1 is rounding
                return
        except ImageError:
            continue  # reported by `color_pictures`
        gray.add(task)
    why = f"{method} needs the photograph in colour; this one is gray"
    plan.skipped += [ImageError(str(task.source), why) for task in plan.tasks if task in gray]
    plan.tasks = [task for task in plan.tasks if task not in gray]


def _read(task: Task, wishes: Wishes, outcome: Outcome) -> _Picture:
    """A picture with its metadata; reads the file once."""
    name, page = str(task.source), task.page or 0
    try:
        data = task.source.read_bytes()
    except OSError as error:
        gone = isinstance(error, FileNotFoundError)
        raise ImageError(name, "missing file" if gone else "unreadable", error.strerror or "") from None
    rgb, opacity = read_rgba(data, name, page)
    kept = filing.record(data, name)
    if task.page is None and kept.several and (left := page_count(data) - 1):
        outcome.pages_left[task.source] = left
    deep = kept.deep and wishes.depth != "8" and filing.WRITTEN[task.target.suffix.lower()] != "jpeg"
    gray = read_gray16(data, name, page) if deep else None
    return _Picture(task, rgb, opacity, gray, kept, hashlib.sha256(data).hexdigest())


def _write(picture: _Picture, rgb: np.ndarray, ab: np.ndarray | None, wishes: Wishes, made: str) -> None:
    target, opacity = picture.task.target, picture.opacity
    if opacity is not None:  # as in the source's reading: a network tints white
        rgb = np.where((opacity == 0)[..., None], np.uint8(255), rgb)
    pixels = rgb
    if picture.gray is not None or wishes.depth == "16":
        pixels = at_16_bits(picture.rgb if picture.gray is None else picture.gray, rgb if ab is None else ab)
        opacity = None if opacity is None else opacity.astype(np.uint16) * 257
    if opacity is not None:
        pixels = np.dstack([pixels, opacity])
    sheet = sheet_of(target)
    if wishes.compare and sheet.exists() and read_note(sheet) not in (SHEET_NOTE, None):
        raise ImageError(str(sheet), "is there, and no sheet of --compare", "give another folder with -o")
    if ab is not None:
        write_ab(target, ab)
    elif target.exists():
        ab_file(target).unlink(missing_ok=True)  # the replaced picture's ab
    if wishes.compare:
        filing.write(sheet, _sheet(picture.rgb, rgb), SHEET_NOTE, filing.Record(), 90)
    note = of_source(made, picture.digest, picture.task.page)
    filing.write(target, pixels, note, picture.record, wishes.quality)


def _sheet(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Both side by side."""
    left, right = (_shrunk(image, SHEET) for image in (before, after))
    return np.concatenate([left, np.full((len(left), 8, 3), 255, np.uint8), right], axis=1)


def is_colored(rgb: np.ndarray) -> bool:
    """Whether uint8 RGB `(H, W, 3)` has colours other than a tint, such as that of sepia or yellowed paper.

    A tint gives each lightness one colour, here a cubic of L; measured is how far a and b are from it.
    """
    lab = rgb_to_lab(_shrunk(rgb, 256)).reshape(-1, 3).astype(np.float64)
    tints = np.polynomial.polynomial.polyvander(lab[:, 0] / 100, 3)
    tint = tints @ np.linalg.lstsq(tints, lab[:, 1:], rcond=None)[0]
    return bool(np.hypot(*(lab[:, 1:] - tint).T).mean() > COLORED)


def at_16_bits(gray: np.ndarray, colors: np.ndarray) -> np.ndarray:
    """A coloured picture of 16 bits, with the L of `gray`: uint16 RGB `(H, W, 3)`.

    `gray`: uint16 `(H, W)`, or uint8 RGB whose L is taken; `colors`: uint8 RGB, or float ab `(H, W, 2)`. Where a and b
    of that L lie outside of sRGB, they are drawn towards gray, and L stays.
    """

    def made(color: np.ndarray, part: np.ndarray) -> np.ndarray:
        lightnesses = (_lightness_of_levels()[part] if part.ndim == 2 else lightness(part)).reshape(-1)
        ab = (color if color.shape[2] == 2 else rgb_to_lab(color)[..., 1:]).reshape(-1, 2).astype(np.float32)
        return _in_gamut(lightnesses, ab).reshape(*part.shape[:2], 3)

    return in_parts(made, colors, gray)


@functools.cache
def _lightness_of_levels() -> np.ndarray:
    """L of each gray level of 16 bits."""
    return lightness(np.repeat(np.linspace(0, 1, 65536, dtype=np.float32)[:, None], 3, axis=1))


def _in_gamut(lightnesses: np.ndarray, ab: np.ndarray) -> np.ndarray:
    """L `(N,)` and ab `(N, 2)` to uint16 RGB of that L, whose chroma is as large as sRGB has it."""
    made = np.empty((len(ab), 3), np.uint16)
    todo = np.arange(len(ab))
    for shrink in (*0.85 ** np.arange(12), 0.0):
        rgb = lab_to_rgb(np.column_stack([lightnesses[todo], ab[todo] * np.float32(shrink)]))
        made[todo] = np.rint(rgb * 65535)
        cut = ((rgb <= 0) | (rgb >= 1)).any(axis=-1)
        todo = todo[cut]
        if not len(todo):
            break
    return made
