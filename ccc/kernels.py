"""The inner loops of sharding: bicubic resizing, and Lab, area mean and Eq. 9 in one pass over the pixels."""

import functools
import math

import numpy as np

from ccc.color import LINEAR_FROM_UINT8, WHITE, XYZ_FROM_RGB
from ccc.compiled import compiled

_BITS = np.int32(22)  # of the fraction of a resizing weight, as in Pillow
_HALF = np.int32(1 << 21)
_F = np.float32
_XYZ = (XYZ_FROM_RGB / WHITE[:, None]).astype(np.float32)
_EPSILON, _KAPPA, _OFFSET = _F(0.008856), _F(7.787), _F(16 / 116)


def resized(pixels: np.ndarray, side: int) -> np.ndarray:
    """Bring uint8 `(H, W, 4)` to `(side, side, 4)`: bicubic with antialiasing, each channel by itself.

    The integer arithmetic is Pillow's: equal to `PIL.Image.resize` bit by bit, in a fraction of the time.
    """
    height, width = pixels.shape[:2]
    across = np.empty((side, 4 * height), np.uint8)
    _resample(_turned(_packed(pixels)).view(np.uint8), *_weights(width, side), across)
    down = np.empty((side, 4 * side), np.uint8)
    _resample(_turned(across.view(np.uint32)).view(np.uint8), *_weights(height, side), down)
    return down.reshape(side, side, 4)


def _packed(pixels: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(pixels).view(np.uint32)[..., 0]


@functools.lru_cache(maxsize=64)
def _weights(source: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """First source pixel, int64 `(target,)`, and weights, int32 `(target, taps)`, of each target pixel."""
    scale = source / target
    stretch = max(scale, 1.0)
    starts, rows = [], []
    for position in range(target):
        center = (position + 0.5) * scale
        first = max(int(center - 2 * stretch + 0.5), 0)
        last = min(int(center + 2 * stretch + 0.5), source)
        raw = [_cubic((pixel - center + 0.5) / stretch) for pixel in range(first, last)]
        total = sum(raw)
        rows.append([math.copysign(int(abs(value / total * (1 << 22)) + 0.5), value) for value in raw])
        starts.append(first)
    weights = np.zeros((target, -(-max(map(len, rows)) // 5) * 5), np.int32)
    for row, values in zip(weights, rows, strict=True):
        row[: len(values)] = values
    return np.array(starts), weights


def _cubic(x: float) -> float:
    """The cubic convolution kernel with a = -0.5 (Keys, 1981)."""
    x = abs(x)
    if x < 1:
        return (1.5 * x - 2.5) * x * x + 1
    return (((x - 5) * x + 8) * x - 4) * -0.5 if x < 2 else 0.0


@compiled
def _turned(pixels):
    """Rows and columns exchanged: uint32 `(H, W)` to `(W, H)`."""
    height, width = pixels.shape
    turned = np.empty((width, height), np.uint32)
    whole = height // 8 * 8
    for top in range(0, whole, 8):  # eight rows at once stay in the nearest cache; a fixed number is unrolled
        for j in range(width):
            for i in range(8):
                turned[j, top + i] = pixels[top + i, j]
    for i in range(whole, height):
        for j in range(width):
            turned[j, i] = pixels[i, j]
    return turned


@compiled
def _resample(source, starts, weights, target):
    """Each row of `target`, uint8 `(n, m)`, is the weighted sum of some consecutive rows of `source`."""
    rows, columns = target.shape
    taps = weights.shape[1]
    sums = np.empty(columns, np.int32)
    for i in range(rows):
        sums[:] = _HALF
        for tap in range(0, taps, 5):  # five at a time: as many as 256 to 224 pixels takes
            first, end = starts[i] + tap, len(source) - 1  # beyond the end the weights are zero
            a, b, c = source[min(first, end)], source[min(first + 1, end)], source[min(first + 2, end)]
            d, e = source[min(first + 3, end)], source[min(first + 4, end)]
            u, v, w = weights[i, tap], weights[i, tap + 1], weights[i, tap + 2]
            x, y = weights[i, tap + 3], weights[i, tap + 4]
            last = tap + 5 == taps
            for j in range(columns):
                value = np.int32(
                    sums[j]
                    + u * np.int32(a[j])
                    + v * np.int32(b[j])
                    + w * np.int32(c[j])
                    + x * np.int32(d[j])
                    + y * np.int32(e[j])
                )
                if last:
                    target[i, j] = np.uint8(min(max(value >> _BITS, np.int32(0)), np.int32(255)))
                else:
                    sums[j] = value


def classified(pixels: np.ndarray, cells: int, alpha: int = 10, beta: int = 100, delta: int = 20):
    """What training needs of a square picture: `make_sample` of `ccc.shards`, after resizing.

    `pixels`: uint8 `(side, side, C)` whose first three channels are R, G and B; `cells` divides `side`. Returns the
    lightness, uint8 `(side, side)` holding L * 255 / 100; grid classes, uint16 `(cells, cells)`, of the area mean of
    a and b (Eq. 9); and how many cells the grid clamped. a and b are linear in the three cube roots of CIELAB, so these
    are averaged instead. Agrees with float64 on all but a few cells in 100,000.
    """
    side = len(pixels)
    gray = np.empty((side, side), np.uint8)
    classes = np.empty((cells, cells), np.uint16)
    clamped = _classify(pixels, LINEAR_FROM_UINT8, _XYZ, np.array([alpha, beta, delta]), gray, classes)
    return gray, classes, clamped


@compiled
def _classify(pixels, linear, matrix, grid, gray, classes):
    n, cells = len(gray), len(classes)
    block = n // cells
    alpha, beta, last = _F(100 * grid[0]), _F(100 * grid[1]), _F(grid[2] - 1)
    scale_a, scale_b = _F(50_000 / block**2), _F(20_000 / block**2)
    red, green, blue = np.empty(n, np.float32), np.empty(n, np.float32), np.empty(n, np.float32)
    xyz, roots = np.empty(3 * n, np.float32), np.empty(3 * n, np.float32)
    a, b = np.empty(n, np.float32), np.empty(n, np.float32)
    clamped = 0
    for cell_row in range(cells):
        a[:] = 0
        b[:] = 0
        for i in range(cell_row * block, (cell_row + 1) * block):
            row = pixels[i]
            for j in range(n):
                red[j], green[j], blue[j] = linear[row[j, 0]], linear[row[j, 1]], linear[row[j, 2]]
            for k in range(3):
                x, y, z = matrix[k, 0], matrix[k, 1], matrix[k, 2]
                plane = xyz[k * n : (k + 1) * n]
                for j in range(n):
                    plane[j] = x * red[j] + y * green[j] + z * blue[j]
            _cube_roots(xyz, roots)
            fx, fy, fz, levels = roots[:n], roots[n : 2 * n], roots[2 * n :], gray[i]
            for j in range(n):
                level = (_F(116) * fy[j] - _F(16)) * _F(2.55) + _F(0.5)  # in [0.49, 255.51]
                levels[j] = np.uint8(np.int32(level))
                a[j] += fx[j] - fy[j]
                b[j] += fy[j] - fz[j]
        for cell in range(cells):
            sum_a, sum_b = _F(0), _F(0)
            for j in range(cell * block, (cell + 1) * block):
                sum_a += a[j]
                sum_b += b[j]
            # The rounding to 0.01 keeps neutral gray off the corner of four bins: ColorGrid.encode.
            bin_a = np.floor((np.rint(scale_a * sum_a) + beta) / alpha)
            bin_b = np.floor((np.rint(scale_b * sum_b) + beta) / alpha)
            column, line = min(max(bin_a, _F(0)), last), min(max(bin_b, _F(0)), last)
            clamped += column != bin_a or line != bin_b
            classes[cell_row, cell] = np.uint16(line * (last + _F(1)) + column)
    return clamped


@compiled
def _cube_roots(values, roots):
    """The f of CIELAB to a few parts in a million: t ** (1/3) above 0.008856, a line below."""
    bits, guess = values.view(np.int32), roots.view(np.int32)
    for j in range(len(values)):  # t ** (-1/3) to 3 %, from the exponent: a third of a float's bits, negated
        guess[j] = np.int32(0x54A2FA8C) - np.int32(_F(bits[j]) * _F(1 / 3))
    for j in range(len(values)):  # one Householder step of fifth order, free of divisions
        t, y = values[j], roots[j]
        error = _F(1) - t * y * y * y
        y += y * error * (_F(1 / 3) + error * (_F(2 / 9) + error * (_F(14 / 81) + error * _F(35 / 243))))
        roots[j] = t * y * y if t > _EPSILON else _KAPPA * t + _OFFSET
