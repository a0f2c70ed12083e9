"""Gray baseline JPEGs, byte for byte those that Pillow writes, with AVX2 in less than half of its time.

After decoding, this is the largest part of sharding. Sixty-four blocks of 8x8 pixels go through the cosine transform
side by side; then the coefficients that are not zero are coded one by one, each by one look into a table of what its
run and its value become. Source: ITU-T T.81, F.1.2; the transform with 11 multiplications of Loeffler, Ligtenberg and
Moschytz (ICASSP 1989, figure 1), in integers of 13 bits and rounded where libjpeg's `islow` rounds.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from ccc.data.compiled import compiled, first_bit, put_bits, shifted, take_bits, transposer

LANES = 64  # blocks at a time
BOUND = 1024  # of coefficients; of the differences between first ones it is twice that
ROW = 2 * BOUND + 40  # of a table: rows a power of two apart would share their lines of the cache
SCALE = 13  # bits of the fraction of the transform's numbers
_I, _U = np.int32, np.uint64
_ZIGZAG = np.array(
    sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))
)  # index, row by row, of each coefficient in the order of a file
_turn = transposer(range(8))


class GrayEncoder:
    """Encode gray pictures of one `side` in pixels as JPEGs of a `quality` from 1 to 100.

    The header and the tables in it are Pillow's own. An encoder keeps its buffers: it is for one thread.
    """

    def __init__(self, side: int, quality: int):
        file = io.BytesIO()
        Image.fromarray(np.zeros((side, side), np.uint8)).save(file, "JPEG", quality=quality)
        tables, length = _tables(file.getvalue())
        self._header, self._side, self._missing = file.getvalue()[:length], side, -side % 8
        self._divisors = _divisors([8 * step for step in tables[0xDB, 0]])
        self._first = _coded(_codes(tables[0xC4, 0x00]), 2 * BOUND)
        self._others = _coded(_codes(tables[0xC4, 0x10]), BOUND)
        # A value takes no more than 16 bits of code and 11 of its own; eight bytes are read and written at a time.
        self._bits = np.empty(216 * ((side + self._missing) // 8) ** 2 + 16, np.uint8)
        self._bytes = np.empty(2 * len(self._bits), np.uint8)

    def __call__(self, gray: np.ndarray) -> bytes:
        """The file of uint8 `(side, side)`. Raises ValueError for anything else."""
        if gray.dtype != np.uint8 or gray.shape != (self._side, self._side):
            raise ValueError(f"expected uint8 {self._side, self._side}, got {gray.dtype} {gray.shape}")
        if self._missing:
            gray = np.pad(gray, (0, self._missing), "edge")
        words = np.ascontiguousarray(gray).view(np.uint64)
        length = _encode(words, _ZIGZAG, self._divisors, self._first, self._others, self._bits, self._bytes)
        return self._header + self._bytes[:length].tobytes() + b"\xff\xd9"


def _tables(jpeg: bytes) -> tuple[dict, int]:
    """Tables by marker and number, and where the coded blocks begin."""
    tables, at = {}, 2
    while True:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        body = jpeg[at + 4 : at + 2 + length]
        at += 2 + length
        if marker == 0xDA:
            return tables, at
        tables[marker, body[0]] = body[1:]


def _divisors(steps: Sequence[int]) -> np.ndarray:
    """Half a step, and multiplier and shift that divide by the step: exact below 2 ** 15; int32 `(64, 3)`."""
    shifts = [15 + (step - 1).bit_length() for step in steps]
    return np.array(
        [(step // 2, -(-(1 << shift) // step), shift) for step, shift in zip(steps, shifts, strict=True)], np.int32
    )


def _codes(table: bytes) -> dict[int, tuple[int, int]]:
    """Code and its length, by symbol, of a Huffman table as it stands in a file (T.81, annex C)."""
    codes, code, symbols = {}, 0, iter(table[16:])
    for length in range(1, 17):
        for _ in range(table[length - 1]):
            codes[next(symbols)] = code, length
            code += 1
        code <<= 1
    return codes


def _coded(codes: dict[int, tuple[int, int]], bound: int) -> np.ndarray:
    """What a run of zeros and the value after it become: rows of uint64, one a run, by value from `-bound` on.

    An entry is the bits, from the highest down, and in its lowest six how many there are. What stands for no value
    ("end of block", "sixteen zeros") is at 0.
    """
    entries = np.zeros((1 + max(codes) // 16, ROW * bound // BOUND), np.uint64)
    for symbol, (code, length) in codes.items():
        run, size = divmod(symbol, 16)
        bits = code << size | np.arange(1 << size)  # of the values of `size` bits, the negative ones first
        half = 1 << size >> 1
        row = bits.astype(np.uint64) << _U(64 - length - size) | _U(length + size)
        entries[run, bound - (1 << size) + 1 : bound - half + 1] = row[: max(half, 1)]
        entries[run, bound + half : bound + (1 << size)] = row[half:]
    return entries.reshape(-1)


# One loop each over the lanes, of which LLVM makes vectors; indices without sign, which numba need not look at.
@compiled
def _encode(words, zigzag, divisors, first, others, bits, out):
    across, total = words.shape[1], len(words) // 8 * words.shape[1]
    gathered = np.zeros(8 * LANES + 1, np.uint64)
    pixels = np.empty(64 * LANES, np.uint8)
    values, rows = np.empty(64 * LANES, np.int32), np.empty(64 * LANES, np.int32)
    quotients = np.empty(64 * LANES, np.int16)
    marks = np.empty(LANES, np.uint64)
    state = (np.uint64(0), np.uint64(0), np.uint64(0))
    before = np.uint64(0)
    top = left = 0
    for start in range(0, total, LANES):
        blocks = min(LANES, total - start)
        for lane in range(blocks):
            for y in range(8):
                gathered[LANES * y + lane] = words[top + y, left]
            left += 1
            if left == across:
                top, left = top + 8, 0
        for y in range(8):
            for lane in range(0, LANES, 16):
                _turn(gathered.view(np.uint8), 8 * (LANES * y + lane), 8, pixels, 8 * LANES * y + lane, LANES)
        for j in range(64 * LANES):
            values[j] = _I(pixels[j]) - _I(128)
        _transform(values, rows, _I(SCALE - 2))
        _transform(rows, values, _I(SCALE + 2))
        _divide(values, zigzag, divisors, quotients, marks)
        for lane in range(blocks):
            value = np.uint64(quotients[lane])
            state = _put(bits, state, first[value - before + _U(2 * BOUND)])
            before = value
            left_over, next_place = marks[lane], _U(1)
            while left_over:
                place = first_bit(left_over)
                left_over &= left_over - _U(1)
                run = place - next_place
                next_place = place + _U(1)
                while run > _U(15):
                    state = _put(bits, state, others[_U(15 * ROW + BOUND)])
                    run -= _U(16)
                value = np.uint64(quotients[_U(LANES) * place + np.uint64(lane)])
                state = _put(bits, state, others[run * _U(ROW) + value + _U(BOUND)])
            if next_place < _U(64):
                state = _put(bits, state, others[_U(BOUND)])
    pending, held, position = state
    put_bits(bits, position, pending | ~_U(0) >> held)  # ones fill the last byte
    return _stuffed(bits, position + (held > 0), out)


@compiled
def _put(bits, state, entry):
    """Append an entry's bits. Fewer than eight are pending, at the top; they are written each time, and again."""
    pending, held, position = state
    pending |= (entry & ~_U(63)) >> held
    put_bits(bits, position, pending)
    held += entry & _U(63)
    return pending << (held & _U(56)), held & _U(7), position + (held >> _U(3))


@compiled
def _transform(source, target, shift):
    """Of eight lines of eight values, each in so many lanes, the transforms, turned: line i becomes column i."""
    half = _I(1) << (shift - _I(1))
    for i in range(8):
        given, made = source[8 * LANES * i : 8 * LANES * (i + 1)], target[LANES * i : LANES * (i + 57)]
        for j in range(LANES):
            d0, d1, d2, d3 = given[j], given[LANES + j], given[2 * LANES + j], given[3 * LANES + j]
            d4, d5 = given[4 * LANES + j], given[5 * LANES + j]
            d6, d7 = given[6 * LANES + j], given[7 * LANES + j]
            s0, s1, s2, s3 = _I(d0 + d7), _I(d1 + d6), _I(d2 + d5), _I(d3 + d4)
            t0, t1, t2, t3 = _I(d3 - d4), _I(d2 - d5), _I(d1 - d6), _I(d0 - d7)
            e0, e1, e2, e3 = _I(s0 + s3), _I(s1 + s2), _I(s1 - s2), _I(s0 - s3)
            made[j] = shifted(_sum(_I(e0 + e1), _I(1 << SCALE), half), shift)
            made[32 * LANES + j] = shifted(_sum(_I(e0 - e1), _I(1 << SCALE), half), shift)
            turned = _sum(_I(e2 + e3), _I(4433), half)
            made[16 * LANES + j] = shifted(_sum(e3, _I(6270), turned), shift)
            made[48 * LANES + j] = shifted(_sum(e2, _I(-15137), turned), shift)
            even, odd = _I(t0 + t2), _I(t1 + t3)
            both = _sum(_I(even + odd), _I(9633), half)
            even, odd = _sum(even, _I(-16069), both), _sum(odd, _I(-3196), both)
            outer, inner = _I(_I(t0 + t3) * _I(-7373)), _I(_I(t1 + t2) * _I(-20995))
            made[56 * LANES + j] = shifted(_sum(t0, _I(2446), _I(outer + even)), shift)
            made[40 * LANES + j] = shifted(_sum(t1, _I(16819), _I(inner + odd)), shift)
            made[24 * LANES + j] = shifted(_sum(t2, _I(25172), _I(inner + even)), shift)
            made[8 * LANES + j] = shifted(_sum(t3, _I(12299), _I(outer + odd)), shift)


@compiled
def _sum(value, factor, more):
    return _I(_I(value * factor) + more)


@compiled
def _divide(values, zigzag, divisors, quotients, marks):
    """Divide by the steps, to the nearest, in the order of a file; mark which are not zero, but for the first."""
    for k in range(64):
        given, made = values[LANES * zigzag[k] :], quotients[LANES * k :]
        half, multiplier, shift = divisors[k, 0], divisors[k, 1], divisors[k, 2]
        for j in range(LANES):
            value = given[j]
            size = shifted(_sum(_I(_I(abs(value)) + half), multiplier, _I(0)), shift)
            made[j] = np.int16(_I(-size) if value < _I(0) else size)
    found = np.zeros(4 * LANES, np.uint16)
    for k in range(1, 64):
        made, part, bit = quotients[LANES * k :], found[LANES * (k // 16) :], np.uint16(1 << k % 16)
        for j in range(LANES):
            part[j] |= bit if made[j] != 0 else np.uint16(0)
    for j in range(LANES):
        low, high = _U(found[LANES + j]) << _U(16), _U(found[3 * LANES + j]) << _U(48)
        marks[j] = _U(found[j]) | low | _U(found[2 * LANES + j]) << _U(32) | high


@compiled
def _stuffed(bits, length, out):
    """After each byte of ones a zero; returns the length."""
    at, position = _U(0), _U(0)
    while at < length:
        word, end = take_bits(bits, at), at + _U(8)
        ones = (~word - _U(0x0101010101010101)) & word & _U(0x8080808080808080)
        if ones or end > length:
            for j in range(at, min(end, length)):
                out[position] = bits[j]
                out[position + _U(1)] = 0
                position += _U(2) if bits[j] == 255 else _U(1)
        else:
            put_bits(out, position, word)
            position += _U(8)
        at = end
    return position
