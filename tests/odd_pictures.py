"""Picture files that a picture library would not write, built byte by byte."""

import struct
import zlib


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int, color: int, rows: bytes, *chunks: bytes) -> bytes:
    """A PNG of any depth and colour type; `rows` as they are stored, `chunks` before them."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
    body = png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + header + b"".join(chunks) + body


def bomb(width: int = 20_000, height: int = 20_000, depth: int = 8, color: int = 2) -> bytes:
    """A PNG of some hundred bytes that says it has so many pixels."""
    return png(width, height, depth, color, bytes(99))
