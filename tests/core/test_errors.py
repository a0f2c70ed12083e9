"""What is said of an error: in one line, in one piece."""

import socket
import subprocess
import sys

import pytest

from ccc.core.errors import first_line


@pytest.mark.parametrize("options", [[], ["-u"]])
def test_an_error_and_its_line_end_are_one_write(options):
    """Processes that share a log would otherwise end each other's lines."""
    reader, writer = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # which keeps writes apart
    with reader, writer:
        command = [sys.executable, *options, "-m", "ccc", "methods", "no-such-method"]
        assert subprocess.run(command, stderr=writer).returncode == 2
        writer.close()
        writes = []
        while part := reader.recv(65536):
            writes.append(part)
    assert len(writes) == 1 and writes[0].startswith(b"ccc methods: error: ") and writes[0].endswith(b"\n")


@pytest.mark.parametrize("error, line", [
    (ValueError("two\nlines"), "two"), (MemoryError(), "MemoryError"), (OSError("\nbelow"), "OSError"),
])  # fmt: skip
def test_the_first_line_of_an_error_is_never_empty(error, line):
    assert first_line(error) == line
