"""Runs commands of `ccc` one after another in one process, with a limit on memory and on time; asked line by line.

A line is a JSON list: the words of a command, or "stream" and the tars of shards to read. The answer is a JSON object:
`status`, `error` (what was written to standard error) and `seconds`; status "hang" or "traceback" where there is none.
The line "limit" sets the limits: memory, 1 GiB of addresses beyond what the process has by then, and time, 10 s of the
processor, or a minute by the clock, since others may use the machine too.
"""

import contextlib
import io
import json
import os
import resource
import signal
import sys
import time
import traceback

LIMITS = {signal.ITIMER_PROF: 10, signal.ITIMER_REAL: 60}
BYTES = 1 << 30


class Hang(BaseException):
    pass


def hang(*_):
    raise Hang


def stream(shards):
    """Read shards as training does."""
    from ccc.codebook import Codebook
    from ccc.data.shards import read_statistics, sum_histograms
    from ccc.data.stream import Stream

    read_statistics(shards)
    book = Codebook.fit(sum_histograms([f"{shard[:-4]}.histogram.npy" for shard in shards]), 1)
    for _ in Stream(shards, book, 2, partial=True).batches():
        pass


def main(words):
    if words[0] != "stream":
        from ccc.cli import main

        return main(words)
    from ccc.core.errors import CCCError

    try:
        stream(words[1:])
        return 0
    except CCCError as error:
        sys.stderr.write(f"ccc stream: error: {error}\n")
        return 2


def answer(words, limited: bool) -> dict:
    errors, started = io.StringIO(), time.monotonic()
    for timer, seconds in LIMITS.items():
        signal.setitimer(timer, seconds * limited)
    try:
        with contextlib.redirect_stderr(errors), contextlib.redirect_stdout(io.StringIO()):
            status = main(words)
    except Hang:
        status = "hang"
        traceback.print_exc(file=errors)
    except BaseException:  # SystemExit too
        status = "traceback"
        traceback.print_exc(file=errors)
    finally:
        for timer in LIMITS:
            signal.setitimer(timer, 0)
    return {"status": status, "error": errors.getvalue(), "seconds": time.monotonic() - started}


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, hang)
    signal.signal(signal.SIGPROF, hang)
    limited = False
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        if line == "limit\n":
            with open("/proc/self/statm") as file:
                size = int(file.read().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (size + BYTES, resource.RLIM_INFINITY))
            found, limited = {"size": size}, True
        else:
            found = answer(json.loads(line), limited)
        replies.write(json.dumps(found) + "\n")
        replies.flush()
