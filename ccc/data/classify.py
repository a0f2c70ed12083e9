"""The kernel of sharding: Lab, area mean and Eq. 9 in one pass over the pixels, which no library offers."""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core.typing import Context
from numba.extending import intrinsic

from ccc.color import WHITE, XYZ_FROM_RGB
from ccc.core.compiled import compiled

_F = np.float32
_XYZ = (XYZ_FROM_RGB / WHITE[:, None]).astype(np.float32)
_EPSILON, _KAPPA, _OFFSET = _F(0.008856), _F(7.787), _F(16 / 116)
_TOE = _F(1 / 12.92 / 255)
# sRGB to linear light for levels 11 to 255: the minimax polynomial of degree 8, relative error 1.2e-5 (Lawson's
# iteration over these levels). A table of 256 entries cannot be vectorized.
_CURVE = (8.41282752e-04, 3.59004815e-02, 4.75832554e-01, 9.33723833e-01, -1.14747828e00, 1.56948432e00,
          -1.50267867e00, 8.31314563e-01, -1.96951325e-01)  # fmt: skip
_C0, _C1, _C2, _C3, _C4, _C5, _C6, _C7, _C8 = (_F(value / 255**power) for power, value in enumerate(_CURVE))


def _intrinsic(function: Callable) -> Callable:
    return intrinsic(function)  # its typing context is not passed by callers, which type checkers cannot know


@_intrinsic
def _fused(typing: Context, a: Any, b: Any, c: Any) -> tuple:
    """a * b + c in float32, rounded once on every machine."""
    f = numba.float32
    return f(f, f, f), lambda context, builder, signature, values: builder.fma(*values)


@_intrinsic
def _bits_of(typing: Context, value: Any) -> tuple:
    """The bits of a float32 as int32."""
    return numba.int32(numba.float32), lambda context, builder, signature, values: builder.bitcast(
        values[0], ir.IntType(32)
    )


@_intrinsic
def _float_of(typing: Context, bits: Any) -> tuple:
    """The float32 with the bits of an int32."""
    return numba.float32(numba.int32), lambda context, builder, signature, values: builder.bitcast(
        values[0], ir.FloatType()
    )


def classified(
    rgb: np.ndarray, cells: int, alpha: int = 10, beta: int = 100, delta: int = 20
) -> tuple[np.ndarray, np.ndarray, int, float]:
    """Returns the training sample of a square picture, see `ccc.data.shards.make_sample`.

    `rgb`: uint8 `(side, side, 3)`; `cells` divides `side`. Returns the lightness L * 255 / 100, uint8 `(side, side)`;
    grid classes of the area mean of a and b (Eq. 9), uint16 `(cells, cells)`; the number of clamped cells; and the mean
    chroma of the cells in CIELAB units. The area mean is taken of CIELAB's cube roots, in which a and b are linear.
    Agrees with float64 on all but a few cells in 100,000.
    """
    gray = np.empty(rgb.shape[:2], np.uint8)
    classes = np.empty((cells, cells), np.uint16)
    clamped, chroma = _classify(np.ascontiguousarray(rgb), _XYZ, np.array([alpha, beta, delta]), gray, classes)
    return gray, classes, clamped, chroma


# Each function is one loop over contiguous values, which LLVM unrolls and vectorizes.
@compiled
def _classify(
    rgb: np.ndarray, matrix: np.ndarray, grid: np.ndarray, gray: np.ndarray, classes: np.ndarray
) -> tuple[int, float]:
    side, cells = len(gray), len(classes)
    block = side // cells
    n = side * block  # pixels of a row of cells
    levels, lightness = rgb.reshape(-1), gray.reshape(-1)
    linear, roots = np.empty(3 * n, np.float32), np.empty(3 * n, np.float32)
    a, b = np.empty(n, np.float32), np.empty(n, np.float32)
    mean_a, mean_b = np.empty(cells * cells, np.float32), np.empty(cells * cells, np.float32)
    for row in range(cells):
        _linearize(levels[3 * n * row : 3 * n * (row + 1)], linear)
        _mix(linear, matrix, roots)
        _take_roots(roots)
        _finish(roots, lightness[n * row : n * (row + 1)], a, b)
        _average(a, block, _F(50_000 / block**2), mean_a[cells * row : cells * (row + 1)])
        _average(b, block, _F(20_000 / block**2), mean_b[cells * row : cells * (row + 1)])
    return _encode(mean_a, mean_b, _F(100 * grid[0]), _F(100 * grid[1]), _F(grid[2] - 1), classes.reshape(-1))


@compiled
def _linearize(levels: np.ndarray, linear: np.ndarray) -> None:
    for j in range(len(linear)):
        t = _F(levels[j])
        high = _fused(_fused(_fused(_fused(_C8, t, _C7), t, _C6), t, _C5), t, _C4)
        high = _fused(_fused(_fused(_fused(high, t, _C3), t, _C2), t, _C1), t, _C0)
        linear[j] = high if t > _F(10.5) else t * _TOE


@compiled
def _mix(linear: np.ndarray, matrix: np.ndarray, xyz: np.ndarray) -> None:
    n = len(linear) // 3
    x, y, z = xyz[:n], xyz[n : 2 * n], xyz[2 * n :]
    xr, xg, xb = matrix[0, 0], matrix[0, 1], matrix[0, 2]
    yr, yg, yb = matrix[1, 0], matrix[1, 1], matrix[1, 2]
    zr, zg, zb = matrix[2, 0], matrix[2, 1], matrix[2, 2]
    for j in range(n):
        r, g, b = linear[3 * j], linear[3 * j + 1], linear[3 * j + 2]
        x[j] = _fused(xr, r, _fused(xg, g, xb * b))
        y[j] = _fused(yr, r, _fused(yg, g, yb * b))
        z[j] = _fused(zr, r, _fused(zg, g, zb * b))


@compiled
def _take_roots(values: np.ndarray) -> None:
    """f of CIELAB, accurate to a few parts per million: t ** (1/3) above 0.008856, linear below."""
    for j in range(len(values)):
        t = values[j]
        # t ** (-1/3) to 3 %: divide the bits of the float, and so its exponent, by -3.
        y = _float_of(np.int32(0x54A2FA8C) - np.int32(_F(_bits_of(t)) * _F(1 / 3)))
        # One Householder step of fifth order, without divisions.
        error = _fused(-t * y, y * y, _F(1))
        series = _fused(_fused(_fused(_F(35 / 243), error, _F(14 / 81)), error, _F(2 / 9)), error, _F(1 / 3))
        y = _fused(y * error, series, y)
        values[j] = t * y * y if t > _EPSILON else _fused(t, _KAPPA, _OFFSET)


@compiled
def _finish(roots: np.ndarray, gray: np.ndarray, a: np.ndarray, b: np.ndarray) -> None:
    n = len(gray)
    fx, fy, fz = roots[:n], roots[n : 2 * n], roots[2 * n :]
    for j in range(n):
        gray[j] = np.uint8(np.int32(_fused(fy[j], _F(116 * 2.55), _F(0.5 - 16 * 2.55))))  # in [0.49, 255.51]
        a[j] = fx[j] - fy[j]
        b[j] = fy[j] - fz[j]


@compiled
def _average(values: np.ndarray, block: int, scale: np.float32, means: np.ndarray) -> None:
    """Block means times 100, rounded so that neutral gray does not fall on the corner of four bins."""
    n = len(values) // block
    if block == 4:  # a constant, so that LLVM unrolls it
        for j in range(n):
            values[j] += values[n + j] + values[2 * n + j] + values[3 * n + j]
        for cell in range(len(means)):
            total = values[4 * cell] + values[4 * cell + 1] + values[4 * cell + 2] + values[4 * cell + 3]
            means[cell] = np.rint(scale * total)
    else:
        for cell in range(len(means)):
            total = _F(0)
            for i in range(block):
                for j in range(cell * block, (cell + 1) * block):
                    total += values[n * i + j]
            means[cell] = np.rint(scale * total)


@compiled
def _encode(
    mean_a: np.ndarray, mean_b: np.ndarray, alpha: np.float32, beta: np.float32, last: np.float32, classes: np.ndarray
) -> tuple[int, float]:
    clamped, chroma = 0, 0.0
    for cell in range(len(classes)):
        bin_a, bin_b = np.floor((mean_a[cell] + beta) / alpha), np.floor((mean_b[cell] + beta) / alpha)
        column, line = min(max(bin_a, _F(0)), last), min(max(bin_b, _F(0)), last)
        clamped += (column != bin_a) | (line != bin_b)
        classes[cell] = np.uint16(np.int32(line * (last + _F(1)) + column))
        chroma += np.sqrt(np.float64(mean_a[cell]) ** 2 + np.float64(mean_b[cell]) ** 2)
    return clamped, chroma / (100 * len(classes))
