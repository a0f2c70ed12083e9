"""Pictures and where they come from: robust reading and writing, folders and archives read in place."""

import dataclasses
import io
import os
import tarfile
import warnings
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from ccc.color import gray_of
from ccc.errors import CCCError, ImageError
from ccc.files import written_whole

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif", ".ppm", ".pgm", ".jp2"}
MAX_PIXELS = 1 << 27  # a picture of more is refused before it is decoded: 134 million pixels are 400 MB as RGB
_SRGB = ImageCms.createProfile("sRGB")


def read_rgb(source: str | os.PathLike | bytes, name: str | None = None) -> np.ndarray:
    """Read a picture as a viewer shows it, in sRGB.

    `source`: a path, or the bytes of a picture file; `name`: what to call it in errors. Returns uint8 `(H, W, 3)`.
    EXIF rotation is applied, an embedded colour profile converted, transparency laid over white, CMYK, palette, gray
    and 16-bit pictures converted, the first frame of several taken. Raises ImageError, whose `reason` is one of
    "empty file", "not a picture", "truncated", "too large", "unsupported mode", "missing file", "unreadable".
    """
    name = name or (str(source) if not isinstance(source, bytes) else "picture")
    with _opened(source, name) as image:
        return np.array(_to_srgb(image, name))


def read_gray(source: str | os.PathLike | bytes, name: str | None = None) -> np.ndarray:
    """Read a picture as gray levels: uint8 `(H, W)`.

    A gray picture is taken as it is; a colour picture becomes the gray of the same CIELAB lightness
    (`ccc.color.gray_of`). Raises as `read_rgb`.
    """
    rgb = read_rgb(source, name)
    if (rgb[..., 0] == rgb[..., 1]).all() and (rgb[..., 1] == rgb[..., 2]).all():
        return np.ascontiguousarray(rgb[..., 0])
    return gray_of(rgb)


def _opened(source, name: str) -> Image.Image:
    if isinstance(source, bytes):
        if not source:
            raise ImageError(name, "empty file")
        file = io.BytesIO(source)
    else:
        path = Path(source)
        if not path.is_file():
            raise ImageError(name, "missing file")
        if not path.stat().st_size:
            raise ImageError(name, "empty file")
        file = path
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own bomb warning: the limit below decides
            image = Image.open(file)
        if image.width * image.height > MAX_PIXELS:
            raise ImageError(name, "too large", f"{image.width}x{image.height}, at most {MAX_PIXELS} pixels")
        image.load()
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(name, "too large", str(error)) from None
    except UnidentifiedImageError:
        raise ImageError(name, "not a picture") from None
    except (OSError, SyntaxError, ValueError, EOFError, MemoryError) as error:
        text = str(error)
        truncated = "truncated" in text or "broken data stream" in text or "unexpected end" in text.lower()
        raise ImageError(name, "truncated" if truncated else "unreadable", text) from None
    return image


def _to_srgb(image: Image.Image, name: str) -> Image.Image:
    profile = image.info.get("icc_profile")
    try:
        image = ImageOps.exif_transpose(image)
    except Exception:  # a broken EXIF block says nothing about the pixels
        pass
    if image.mode in ("I;16", "I;16B", "I;16L", "I"):
        levels = np.clip(np.asarray(image, dtype=np.float64), 0, 65535)
        image = Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    elif image.mode == "F":
        raise ImageError(name, "unsupported mode", "floating-point pixels; save it with 8 or 16 bits")
    if "transparency" in image.info or image.mode in ("RGBA", "LA", "PA", "RGBa", "La"):
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image).convert("RGB")
    if profile and image.mode in ("RGB", "CMYK"):
        image = _from_profile(image, profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _from_profile(image: Image.Image, profile: bytes) -> Image.Image:
    try:
        embedded = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode == "RGB" and "sRGB" in ImageCms.getProfileDescription(embedded):
            return image
        return ImageCms.profileToProfile(image, embedded, _SRGB, outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):  # a broken profile, or one of another colour model: viewers ignore it
        return image


def write_png(path: str | os.PathLike, image: np.ndarray) -> None:
    """Write uint8 `(H, W, 3)` RGB or `(H, W)` gray as PNG, whole or not at all; equal pictures give equal bytes."""
    with written_whole(path) as aside:
        Image.fromarray(np.ascontiguousarray(image)).save(aside, format="PNG", compress_level=6)


def resize_short_side(rgb: np.ndarray, side: int) -> np.ndarray:
    """Scale uint8 `(H, W, 3)` so that its short side is `side` pixels (bicubic, antialiased); keeps the aspect."""
    height, width = rgb.shape[:2]
    scale = side / min(height, width)
    return _resize(rgb, max(round(width * scale), side), max(round(height * scale), side))


def square(rgb: np.ndarray, side: int, fit: str = "crop") -> np.ndarray:
    """Bring uint8 `(H, W, 3)` to `(side, side, 3)`, bicubic with antialiasing.

    `fit`: "crop" takes the central square first and keeps shapes; "stretch" does not crop and changes the aspect.
    A picture of 256x256, as in Places365, is the same either way. Raises ValueError for another `fit`.
    """
    if fit == "crop":
        height, width = rgb.shape[:2]
        edge = min(height, width)
        top, left = (height - edge) // 2, (width - edge) // 2
        rgb = rgb[top : top + edge, left : left + edge]
    elif fit != "stretch":
        raise ValueError(f'fit must be "crop" or "stretch", got {fit!r}')
    return _resize(rgb, side, side)


def _resize(image: np.ndarray, width: int, height: int) -> np.ndarray:
    if image.shape[:2] == (height, width):
        return np.ascontiguousarray(image)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize((width, height), Image.Resampling.BICUBIC))


@dataclasses.dataclass(frozen=True)
class Entry:
    """One picture of a source: where its bytes lie. `offset` is -1 where only the archive's own reader finds them."""

    member: str
    offset: int
    size: int


class Source:
    """A folder (any depth), a tar, tar.gz or zip archive, or a text file that lists picture files; read in place.

    Nothing is unpacked to disk. `entries` are in a fixed order: sorted by path in a folder, as stored in an archive,
    as written in a list. Files without a picture's suffix are left out; archive members that are no regular files or
    whose names would leave their folder are left out and counted in `refused`.
    """

    def __init__(self, path: str | os.PathLike):
        self.path = Path(path)
        self.refused: list[tuple[str, str]] = []
        if self.path.is_dir():
            self.kind = "folder"
        elif not self.path.exists():
            raise CCCError(
                f"{path}: no such folder or archive; check the path, or unset it to use the embedded photographs"
            )
        elif self.path.suffix == ".txt":
            self.kind = "list"
        elif zipfile.is_zipfile(self.path):
            self.kind = "zip"
        elif tarfile.is_tarfile(self.path):
            with open(self.path, "rb") as file:
                self.kind = "tar" if file.read(2) not in (b"\x1f\x8b", b"BZ", b"\xfd7") else "compressed tar"
        else:
            raise CCCError(f"{path}: neither a folder, a tar, a zip nor a list of files (.txt)")

    def entries(self) -> list[Entry]:
        """All pictures, in order. Raises CCCError where there is none or the archive is broken."""
        try:
            found = list(getattr(self, "_" + self.kind.replace(" ", "_"))())
        except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError) as error:
            raise CCCError(f"{self.path}: the archive cannot be read ({error}); fetch it again") from None
        if not found:
            raise CCCError(f"{self.path}: no pictures in it (looked for {', '.join(sorted(SUFFIXES))})")
        return found

    def read(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        """Bytes of the entries, in the order given (any slice of `entries()`); a lost file comes as its ImageError."""
        if self.kind == "compressed tar":
            yield from self._stream(entries)
        elif self.kind == "zip":
            with zipfile.ZipFile(self.path) as archive:
                for entry in entries:
                    try:
                        yield entry, archive.read(entry.member)
                    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, EOFError) as error:
                        yield entry, ImageError(entry.member, "unreadable", str(error))
        elif self.kind == "tar":
            with open(self.path, "rb") as file:
                for entry in entries:
                    file.seek(entry.offset)
                    data = file.read(entry.size)
                    yield entry, data if len(data) == entry.size else ImageError(entry.member, "truncated")
        else:
            root = self.path if self.kind == "folder" else self.path.parent
            for entry in entries:
                try:
                    yield entry, (root / entry.member).read_bytes()
                except OSError as error:
                    yield entry, ImageError(entry.member, "unreadable", error.strerror or "")

    def _keep(self, name: str) -> bool:
        path = PurePosixPath(name)
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            return False
        if path.is_absolute() or ".." in path.parts or "\\" in name:
            self.refused.append((name, "unsafe name"))
            return False
        return True

    def _folder(self) -> Iterator[Entry]:
        for folder, folders, files in os.walk(self.path):
            folders.sort()
            base = Path(folder).relative_to(self.path)
            for file in sorted(files):
                if Path(file).suffix.lower() in SUFFIXES and not file.startswith("."):
                    full = Path(folder) / file
                    yield Entry((base / file).as_posix(), 0, full.stat().st_size if full.exists() else 0)

    def _list(self) -> Iterator[Entry]:
        for line in self.path.read_text().splitlines():
            if line.strip() and not line.startswith("#"):
                full = self.path.parent / line.strip()
                yield Entry(line.strip(), 0, full.stat().st_size if full.exists() else 0)

    def _tar(self) -> Iterator[Entry]:
        with tarfile.open(self.path) as archive:
            for member in archive:
                archive.members = []  # tarfile keeps every header otherwise: 1.8 million of them
                if not member.isdir() and self._keep(member.name):
                    if member.isreg():
                        yield Entry(member.name, member.offset_data, member.size)
                    else:
                        self.refused.append((member.name, "not a regular file"))

    def _compressed_tar(self) -> Iterator[Entry]:
        for entry in self._tar():
            yield dataclasses.replace(entry, offset=-1)

    def _zip(self) -> Iterator[Entry]:
        with zipfile.ZipFile(self.path) as archive:
            for member in archive.infolist():
                if not member.is_dir() and self._keep(member.filename):
                    yield Entry(member.filename, -1, member.file_size)

    def _stream(self, entries: Sequence[Entry]) -> Iterator[tuple[Entry, bytes | ImageError]]:
        # A compressed tar has no random access: read it once from the start and stop after the last entry wanted.
        wanted = {entry.member for entry in entries}
        got: dict[str, bytes] = {}
        queue = list(entries)
        with tarfile.open(self.path) as archive:
            for member in archive:
                archive.members = []
                if member.isreg() and member.name in wanted:
                    got[member.name] = archive.extractfile(member).read()
                while queue and queue[0].member in got:
                    entry = queue.pop(0)
                    yield entry, got[entry.member] if entry in queue else got.pop(entry.member)
                if not queue:
                    return
        for entry in queue:
            yield entry, ImageError(entry.member, "missing file")
