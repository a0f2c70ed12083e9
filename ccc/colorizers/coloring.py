"""Colour picture and video files: which, where to, and which are done already."""

import glob
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from ccc.color import resize_ab, rgb_to_lab, with_ab
from ccc.colorizers import Colorizer
from ccc.colorizers.base import memory_reported
from ccc.colorizers.video import VIDEO_SUFFIXES
from ccc.core.errors import CCCError, ImageError
from ccc.core.files import sha256
from ccc.core.images import SUFFIXES, ab_file, opened, read_rgba, write_ab, write_png

MADE = "ccc colorize"  # how the note begins that every coloured file carries


def plan(inputs: Iterable[str | os.PathLike], output: str | os.PathLike) -> dict[Path, Path]:
    """By file to write, the file to colour.

    `inputs`: pictures, videos, folders of any depth, and patterns such as "photos/**/*.jpg"; `output`: a folder, in
    which folders and names are kept, or a `.png` for a single picture. Pictures become PNG, videos MP4. Hidden files,
    and what lies in the output folder, are left out. Raises CCCError for an input without pictures, for two that would
    be written to one file, and for one that would be written over itself.
    """
    output, tasks = Path(output), {}
    found = [pair for given in inputs for pair in _found(str(given), output)]
    if output.suffix.lower() in SUFFIXES | VIDEO_SUFFIXES and not output.is_dir():
        if len(found) != 1 or output.suffix.lower() != _suffix(found[0][0]):
            raise CCCError(
                f"{output}: give a folder with -o; a single picture may be written to a .png, a video to .mp4"
            )
        return _add({}, found[0][0], output)
    for path, relative in found:
        _add(tasks, path, output / relative.with_suffix(_suffix(path)))
    return tasks


def _suffix(path: Path) -> str:
    return ".mp4" if path.suffix.lower() in VIDEO_SUFFIXES else ".png"


def _add(tasks: dict[Path, Path], path: Path, target: Path) -> dict[Path, Path]:
    if target in tasks and tasks[target].resolve() != path.resolve():
        raise CCCError(f"{path} and {tasks[target]} would both be written to {target}: colour them one by one")
    if target.resolve() == path.resolve():
        raise CCCError(f"{path} would be overwritten: give another folder with -o")
    tasks[target] = path
    return tasks


def _found(given: str, output: Path) -> Iterator[tuple[Path, Path]]:
    """The files of one input, each with its path below the input's folder."""
    path = Path(given)
    if path.is_file():
        yield path, Path(path.name)
        return
    if path.is_dir():
        base, candidates = path, path.rglob("*")
    elif glob.has_magic(given):
        fixed = [part for part in path.parts if part]
        first = next(number for number, part in enumerate(fixed) if glob.has_magic(part))
        base, candidates = Path(*fixed[:first]), map(Path, glob.glob(given, recursive=True))
    else:
        raise CCCError(f"{given}: no such picture or folder")
    known, empty = SUFFIXES | VIDEO_SUFFIXES, True
    below = None if output.resolve() == base.resolve() else output.resolve()
    for file in sorted(candidates):
        relative = file.relative_to(base)
        hidden = any(part.startswith(".") for part in relative.parts)
        if file.suffix.lower() in known and file.is_file() and not hidden and below not in file.resolve().parents:
            empty = False
            yield file, relative
    if empty:
        raise CCCError(f"{given}: no pictures in it (looked for {', '.join(sorted(known))})")


# --- what is done already ---


def note(
    method: str, weights: Sequence[Path], options: Mapping, max_size: int | None = None, keep_ab: bool = False
) -> str:
    """What a coloured file says of how it was made, its weights by name and the start of their SHA-256."""
    words = [MADE, "--method", method, *(f"--weights {_told(path)}" for path in weights)]
    words += [f"--option {name}={_named(value)}" for name, value in sorted(options.items())]
    words += [f"--max-size {max_size}"] if max_size else []
    return " ".join(words + ["--keep-ab"] * keep_ab)


def _told(path: Path) -> str:
    return f"{path.name}:{sha256(path)[:12]}" if path.is_file() else path.name


def _named(value) -> str:
    return Path(value).name if isinstance(value, str) and os.path.exists(value) else str(value)


def newest(weights: Sequence[Path], options: Mapping) -> float:
    """When what a method reads was last changed: its weights, and files or folders that its options name."""
    paths = [*weights, *(Path(value) for value in options.values() if isinstance(value, str) and os.path.exists(value))]
    paths += [path for folder in paths if folder.is_dir() for path in folder.rglob("*")]
    return max((path.stat().st_mtime for path in paths), default=0.0)


def is_done(target: Path, source: Path, made: str, since: float) -> bool:
    """Whether `target` is whole, says that it was made so, and is no older than `source` and `since`.

    Raises CCCError where it is a whole file that this command has not made.
    """
    if not target.exists():
        return False
    if target.suffix == ".png":
        said = _png_note(target)
    else:
        from ccc.colorizers.video import video_note

        said = video_note(target)
    if said is None:  # half of a file
        return False
    if not said.startswith(MADE):
        raise CCCError(f"{target}: is there, and not from `{MADE}`: give another folder with -o, or --overwrite")
    if "--keep-ab" in made and target.suffix == ".png" and not ab_file(target).is_file():
        return False
    return said == made and target.stat().st_mtime >= max(source.stat().st_mtime, since)


def _png_note(path: Path) -> str | None:
    """What a PNG says of its making, "" where it says nothing; None where it is no whole PNG."""
    try:
        with opened(path) as image:
            image.verify()
            return image.info.get("Software", "")
    except ImageError:
        return None


# --- colouring ---


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


def _own_ab(colorizer: Colorizer, picture: np.ndarray) -> np.ndarray:
    with memory_reported(picture):
        ab = colorizer.own_ab(picture)
    if ab is None:
        raise CCCError("--keep-ab: the method gives no a and b of its own, only pictures")
    return ab


def color_pictures(
    colorizer: Colorizer,
    tasks: Mapping[Path, Path],
    batch: int = 1,
    max_size: int | None = None,
    made: str = MADE,
    told: Callable[[int], None] = lambda count: None,
    keep_ab: bool = False,
) -> tuple[int, list[ImageError]]:
    """Colour picture files, `batch` at a time; `tasks`: see `plan`. Returns how many, and those that were skipped.

    Transparency is kept. `made`: see `note`; `told` is called with the number of pictures after each batch; `keep_ab`
    also writes the method's own a and b (`ccc.core.images.write_ab`). Raises CCCError where the method fails or has no
    a and b to keep, naming the picture.
    """
    done, skipped, left = 0, [], iter(tasks.items())
    while chunk := list(itertools.islice(left, batch)):
        read = []
        for target, path in chunk:
            try:
                read.append((target, path, *read_rgba(path)))
            except ImageError as error:
                skipped.append(error)
        targets, paths, pictures, opacities = zip(*read, strict=True) if read else ((), (), (), ())
        try:
            own = [_own_ab(colorizer, picture) for picture in pictures] if keep_ab else [None] * len(read)
            if keep_ab:
                colored = [with_ab(picture, ab) for picture, ab in zip(pictures, own, strict=True)]
            else:
                colored = color_arrays(colorizer, pictures, [path.name for path in paths], max_size) if read else []
        except CCCError as error:
            raise CCCError(f"{', '.join(map(str, paths))}: {error}") from None
        for target, rgb, alpha, ab in zip(targets, colored, opacities, own, strict=True):
            if keep_ab:
                write_ab(target, ab)
            else:
                ab_file(target).unlink(missing_ok=True)  # of an earlier picture of this name
            write_png(target, rgb if alpha is None else np.dstack([rgb, alpha]), made)
        done += len(read)
        told(len(chunk))
    return done, skipped
