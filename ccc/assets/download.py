"""Files from the network: resumed, checked, whole or not at all, from the first of several addresses that has them."""

import contextlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from filelock import FileLock, Timeout

from ccc.core.errors import CCCError
from ccc.core.files import write_text

_ATTEMPTS = 5  # at one address without a single new byte, before the next one is tried
_PAUSE = 0.5  # seconds before the second attempt, doubled with every fruitless one
_CHUNK = 1 << 16  # what is lost at most where a transfer breaks off


def download(
    urls: Sequence[str],
    target: str | os.PathLike,
    accept: Callable[[Path], object],
    facts: Mapping,
    progress: Callable[[int, int | None], None] | None = None,
) -> None:
    """Get a file into `target`, which appears whole and checked or not at all; one that is there is replaced.

    `urls`: addresses of the same file, tried in turn; `accept` is called with the path of what came, and raises
    CCCError where it is not what is wanted; `facts`: see `ccc.assets.catalogue`; `progress(done, total)` is called with
    bytes, `total` None where nobody knows it. A transfer that breaks off is taken up where it stopped, in this call or
    a later one: until then the bytes lie beside `target` in a hidden file. Raises CCCError where no address gives the
    file, with the reason of each, and where another process is fetching it.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    size, checksum = facts.get("size"), bool(facts.get("sha256") or facts.get("md5"))
    reasons = []
    with _only_one(part, target):
        for url in urls:
            fresh = not part.exists()
            try:
                _transfer(url, part, size, checksum, progress)
                try:
                    _examine(part, accept)
                except CCCError:
                    if fresh:
                        raise
                    # Its first bytes were left by an earlier address or call, and may be what is wrong.
                    _transfer(url, part, size, checksum, progress)
                    _examine(part, accept)
                os.replace(part, target)
                _origin(part).unlink(missing_ok=True)
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
    """Where the address and the version of the bytes in `part` are noted."""
    return part.with_name(part.name + ".json")


@contextlib.contextmanager
def _only_one(part: Path, target: Path) -> Iterator[None]:
    """Hold a lock beside `part`, so that two processes do not write it together; a lock dies with its process."""
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
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def _transfer(url: str, part: Path, size: int | None, checksum: bool, progress) -> None:
    """Bring `part` to the end of what `url` serves, from where it ends; raise CCCError with the reason if that fails.

    `checksum`: one will be compared, so that a part of unknown origin may be taken up.
    """
    import requests

    fruitless = 0
    while True:
        before = part.stat().st_size if part.exists() else 0
        answered = True
        try:
            _attempt(url, part, size, checksum, progress)
            return
        except requests.HTTPError as error:
            status = error.response.status_code
            reason = f"status {status} {error.response.reason}"
            if status < 500 and status not in (408, 429):
                raise CCCError(reason) from None
        except requests.Timeout:
            reason = "no answer in time"
        except requests.exceptions.ChunkedEncodingError:
            reason = "the transfer broke off"
        except requests.ConnectionError:
            reason, answered = "no connection", False
        except requests.RequestException as error:
            reason = str(error).partition("\n")[0] or type(error).__name__
        grown = part.exists() and part.stat().st_size > before
        fruitless = 0 if grown else fruitless + 1
        if fruitless >= _ATTEMPTS or not (answered or grown):
            raise CCCError(reason)
        time.sleep(min(_PAUSE * 2**fruitless, 30))


def _attempt(url: str, part: Path, size: int | None, checksum: bool, progress) -> None:
    import requests

    at = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}  # else a length would be that of the compressed bytes
    if at:
        origin = json.loads(_origin(part).read_text()) if _origin(part).exists() else {}
        same = origin.get("url") == url and origin.get("validator")
        if same:
            headers["If-Range"] = origin["validator"]
        if same or checksum:  # otherwise halves of two different files could be joined unnoticed
            headers["Range"] = f"bytes={at}-"
    with requests.get(url, headers=headers, stream=True, timeout=30) as answer:
        if answer.status_code == 416:  # nothing lies beyond `at`: either all is here, or the part is of another file
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
        total = done + int(length) if length.isdigit() else size
        if size is not None and total != size:
            raise CCCError(f"it serves {total:,} bytes, where {size:,} are expected")
        etag = answer.headers.get("ETag", "")
        validator = etag if etag and not etag.startswith("W/") else answer.headers.get("Last-Modified")
        write_text(_origin(part), json.dumps({"url": url, "validator": validator}) + "\n")
        with open(part, "ab" if resumed else "wb") as file:
            for chunk in answer.iter_content(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
