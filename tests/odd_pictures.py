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


def tiff(
    pixels: bytes, width: int, height: int, bits: tuple[int, ...], photometric: int, order: str = "<", **tags
) -> bytes:
    """An uncompressed TIFF of one strip (TIFF 6.0); `tags`: further ones, as `t339=2`, each one SHORT or several."""
    big_header = tags.pop("bigtiff", False)
    entries = {
        256: (width,),
        257: (height,),
        258: bits,
        259: (1,),
        262: (photometric,),
        277: (len(bits),),
        278: (height,),
    }
    entries |= {int(tag[1:]): value if isinstance(value, tuple) else (value,) for tag, value in tags.items()}
    planes = len(bits) if entries.get(284) == (2,) else 1
    size = len(pixels) // planes
    word, inline, head = ("Q", 8, 16) if big_header else ("I", 4, 8)
    entries[273] = tuple(head + plane * size for plane in range(planes))
    entries[279] = (size,) * planes
    after = head + len(pixels) + len(pixels) % 2
    table_size = (8 if big_header else 2) + len(entries) * (20 if big_header else 12) + inline
    table, beyond = struct.pack(order + ("Q" if big_header else "H"), len(entries)), b""
    for tag, values in sorted(entries.items()):
        kind, letter = (4, "I") if tag in (273, 279) else (3, "H")
        data = struct.pack(f"{order}{len(values)}{letter}", *values)
        if len(data) > inline:
            data, beyond = struct.pack(order + word, after + table_size + len(beyond)), beyond + data
        table += struct.pack(f"{order}HH{word}", tag, kind, len(values)) + data.ljust(inline, b"\0")
    start = struct.pack(order + "HHHQ", 43, 8, 0, after) if big_header else struct.pack(order + "HI", 42, after)
    mark = b"II" if order == "<" else b"MM"
    return mark + start + pixels + b"\0" * (len(pixels) % 2) + table + bytes(inline) + beyond
