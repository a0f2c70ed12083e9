"""Atomic, checked and resumable downloads from the first of several URLs that works."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path

import requests
import urllib3
from filelock import FileLock, Timeout
from requests import exceptions

from ccc.core.errors import CCCError, first_line, write_line
from ccc.core.files import write_text

Progress = Callable[[int, int | None], None]  # called with the bytes received and the total, if known

_ATTEMPTS = 5  # attempts without progress at one URL
_PAUSE = 0.5  # seconds before the second attempt, doubled after each without progress
_CHUNK = 1 << 16  # bytes read at once; fewer new bytes are no progress
_SLOWEST = (1000, 60)  # least bytes a second, measured over so many seconds
_LONGEST = 24 * 3600  # seconds for one URL
_LARGEST = 1 << 36  # bytes of a file of unknown size: 69 GB


def download(
    urls: Sequence[str],
    target: str | os.PathLike,
    accept: Callable[[Path], object],
    facts: Mapping,
    progress: Progress | None = None,
) -> None:
    """Download a file to `target`, atomically after checking it; replaces an existing file.

    `urls`: URLs of the same file, tried in turn; `accept`: called with the path of the downloaded file, raises CCCError
    to reject it; `facts`: see `ccc.assets.catalogue`; `progress(done, total)`: called with bytes, `total` None if
    unknown. An interrupted transfer leaves a hidden file beside `target`, from which this or a later call resumes.
    Abandons a server that sends more than expected, is slower than `_SLOWEST`, takes longer than `_LONGEST`, or
    redirects from https to another scheme. Warns of plain http without known checksum. Raises CCCError for a URL of
    another scheme, before any transfer; if every URL fails, with each reason; and if another process is fetching it.
    """
    target = Path(target)
    for url in urls:
        if not url.lower().startswith(("http://", "https://")):
            raise CCCError(f"{url}: not an address of http or https; give a file on this machine by its path")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    size, checksum = facts.get("size"), bool(facts.get("sha256") or facts.get("md5"))
    reasons = []
    with _only_one(part, target):
        for url in urls:
            fresh = not part.exists()
            if not checksum and url.lower().startswith("http://"):
                write_line(
                    f"warning: {url}: plain http, and no checksum is known: what comes could be from anybody on the way"
                )
            try:
                _transfer(url, part, size, checksum, progress)
                try:
                    _examine(part, accept)
                except CCCError:
                    if fresh:
                        raise
                    # The first bytes are from an earlier URL or call, and may be the wrong ones.
                    _transfer(url, part, size, checksum, progress)
                    _examine(part, accept)
                os.replace(part, target)
                return
            except CCCError as error:
                reasons.append(f"{url}: {error}")
    raise CCCError(f"{target.name} could not be fetched ({'; '.join(reasons) or 'no address is known'})")


def _examine(part: Path, accept: Callable[[Path], object]) -> None:
    try:
        accept(part)
    except CCCError as error:
        part.unlink(missing_ok=True)
        raise CCCError("what it serves is wrong: " + str(error).replace(f"{part}: ", "", 1)) from None


def _origin(part: Path) -> Path:
    """File with the URL and the version of the bytes in `part`."""
    return part.with_name(part.name + ".json")


@contextlib.contextmanager
def _only_one(part: Path, target: Path) -> Generator[None]:
    """Hold a lock beside `part`, so that only one process writes it; the lock ends with its process."""
    lock = FileLock(part.with_name(part.name + ".lock"), blocking=False)
    try:
        lock.acquire()
    except Timeout:
        raise CCCError(f"{target}: another process is fetching it; wait for it to end") from None
    except OSError:
        pass  # a file system without locks
    try:
        yield
    finally:
        if not part.exists():
            _origin(part).unlink(missing_ok=True)
        Path(lock.lock_file).unlink(missing_ok=True)  # last: FileLock takes no unlinked file
        lock.release()


def _transfer(url: str, part: Path, size: int | None, checksum: bool, progress: Progress | None) -> None:
    """Download the rest of `url` to `part`, with retries; raises CCCError with the reason if that fails.

    `checksum`: whether the file will be checked by one, so that a part of unknown origin may be resumed.
    """
    fruitless, most, end = 0, _size(part), time.monotonic() + _LONGEST
    while True:
        answered = True
        try:
            _attempt(url, part, size, checksum, progress, end)
            return
        except requests.HTTPError as error:
            status, words = error.response.status_code, error.response.reason  # ty: ignore[missing-union-attribute]
            reason = f"status {status} {words}"
            if status < 500 and status not in (408, 429):
                raise CCCError(reason) from None
        except requests.Timeout:
            reason = "no answer in time"
        except exceptions.ChunkedEncodingError:
            reason = "the transfer broke off"
        except (exceptions.InvalidSchema, exceptions.InvalidURL, requests.TooManyRedirects, UnicodeError) as error:
            raise CCCError(first_line(error)) from None
        except requests.ConnectionError:
            reason, answered = "no connection", False
        except requests.RequestException as error:
            reason = first_line(error)
        grown = _size(part) >= most + _CHUNK  # compared with the maximum, since a server may restart forever
        most, fruitless = max(most, _size(part)), 0 if grown else fruitless + 1
        if fruitless >= _ATTEMPTS or not (answered or grown):
            raise CCCError(reason)
        time.sleep(min(_PAUSE * 2**fruitless, 30))


def _size(part: Path) -> int:
    return part.stat().st_size if part.exists() else 0


def _stays_safe(answer: requests.Response, *_, **__) -> None:
    """Refuse a redirect from https to another scheme; called with each response before its redirect is followed."""
    to = answer.headers.get("Location", "") if answer.is_redirect else ""
    if answer.url.lower().startswith("https:") and "://" in to and not to.lower().startswith("https:"):
        raise CCCError(f"it leads from https to {to}, which is refused")


def _known_origin(part: Path) -> dict:
    with contextlib.suppress(OSError, ValueError):
        origin = json.loads(_origin(part).read_text())
        return origin if isinstance(origin, dict) else {}
    return {}


def _attempt(url: str, part: Path, size: int | None, checksum: bool, progress: Progress | None, end: float) -> None:
    at = _size(part)
    headers = {"Accept-Encoding": "identity"}  # else Content-Length counts compressed bytes
    if at:
        origin = _known_origin(part)
        same = origin.get("url") == url and isinstance(origin.get("validator"), str)
        if same:
            headers["If-Range"] = origin["validator"]
        if same or checksum:  # otherwise parts of different files could be joined
            headers["Range"] = f"bytes={at}-"
    with requests.get(url, headers=headers, stream=True, timeout=30, hooks={"response": _stays_safe}) as answer:
        if answer.status_code == 416:  # nothing beyond `at`: the part is complete, or of another file
            if answer.headers.get("Content-Range", "").rpartition("/")[2] == str(at):
                return
            part.unlink()
            raise requests.RequestException("the part at hand is longer than the file")
        answer.raise_for_status()
        resumed = answer.status_code == 206 and answer.headers.get("Content-Range", "").startswith(f"bytes {at}-")
        if answer.status_code == 206 and not resumed:
            part.unlink(missing_ok=True)
            raise requests.RequestException("the server sent another range than asked for")
        done = at if resumed else 0
        length = answer.headers.get("Content-Length", "")
        total = done + int(length) if length.isdecimal() and len(length) < 20 else size
        if size is not None and total != size:
            raise CCCError(f"it serves {total:,} bytes, where {size:,} are expected")
        etag = answer.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")
        write_text(_origin(part), json.dumps({"url": url, "validator": validator}) + "\n")
        most = _LARGEST if total is None else total
        with open(part, "ab" if resumed else "wb") as file:
            for chunk in _chunks(answer, end):
                done += len(chunk)
                if done > most:
                    break
                file.write(chunk)
                if progress:
                    progress(done, total)
        if done > most:
            part.unlink()
            raise CCCError(f"it serves more than {most:,} bytes, where {'no more' if total else 'fewer'} are expected")


def _chunks(answer: requests.Response, end: float) -> Iterator[bytes]:
    """Yield a response's bytes as they arrive. Raises CCCError if slower than `_SLOWEST` or later than `end`."""
    rate, seconds = _SLOWEST
    since, received = time.monotonic(), 0
    try:
        while chunk := answer.raw.read1(_CHUNK):  # not iter_content, which waits until a chunk is full
            yield chunk
            received, now = received + len(chunk), time.monotonic()
            if now > end:
                raise CCCError(f"it takes longer than {_LONGEST / 3600:g} hours")
            if now - since >= seconds:
                if received < rate * seconds:
                    raise CCCError(f"it sends less than {rate:,} bytes a second")
                since, received = now, 0
    except urllib3.exceptions.ReadTimeoutError:
        raise requests.Timeout from None
    except (urllib3.exceptions.HTTPError, OSError):
        raise requests.exceptions.ChunkedEncodingError from None
