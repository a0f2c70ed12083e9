"""Compiled functions: numba, without fast math, so that every machine gives the same bits."""

import numba
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 64  # loops over a multiple of so many values leave no rest that is done one by one


def compiled(function):
    """Compile `function` at its first call and keep the result on disk for later processes.

    It is kept beside the source, or in the user's cache folder where that is read-only (NUMBA_CACHE_DIR names
    another); where neither can be written, each process compiles anew. The global interpreter lock is released. Numba
    looks at the file of `function` alone: after an edit of this file, or of what the function calls elsewhere, remove
    what is kept (`*.nbi` and `*.nbc` in `__pycache__`).
    """
    try:
        return numba.njit(cache=True, nogil=True)(function)
    except RuntimeError:  # numba found no place to keep it
        return numba.njit(nogil=True)(function)


@intrinsic
def fused(typing, a, b, c):
    """a * b + c, float32, rounded once, on every machine."""
    f = numba.float32
    return f(f, f, f), lambda context, builder, signature, values: builder.fma(*values)


@intrinsic
def bits_of(typing, value):
    """The bits of a float32 as int32."""
    return numba.int32(numba.float32), lambda context, builder, signature, values: builder.bitcast(
        values[0], ir.IntType(32)
    )


@intrinsic
def float_of(typing, bits):
    """The float32 with the bits of an int32."""
    return numba.float32(numba.int32), lambda context, builder, signature, values: builder.bitcast(
        values[0], ir.FloatType()
    )


@intrinsic
def shifted(typing, value, places):
    """`value >> places` in int32; numba's own is an int64, of which half as many fit a vector."""
    n = numba.int32
    return n(n, n), lambda context, builder, signature, values: builder.ashr(*values)


@intrinsic
def first_bit(typing, bits):
    """Place, from 0, of the lowest bit that is set in a uint64 other than 0."""
    n = numba.uint64
    return n(n), lambda context, builder, signature, values: builder.cttz(values[0], ir.Constant(ir.IntType(1), 1))


@intrinsic
def put_bits(typing, target, start, bits):
    """Write the eight bytes of a uint64, the highest first, at `target[start]` of a flat uint8 array.

    Unchecked, and for machines that have the lowest byte first, as `take_bits`.
    """

    def generate(context, builder, signature, values):
        base = context.make_array(signature.args[0])(context, builder, values[0]).data
        place = cgutils.pointer_add(builder, base, values[1])
        builder.store(builder.bswap(values[2]), builder.bitcast(place, ir.IntType(64).as_pointer()), align=1)
        return context.get_dummy_value()

    return numba.void(target, numba.uint64, numba.uint64), generate


@intrinsic
def take_bits(typing, source, start):
    """The eight bytes at `source[start]` of a flat uint8 array as a uint64, the first one highest."""

    def generate(context, builder, signature, values):
        base = context.make_array(signature.args[0])(context, builder, values[0]).data
        place = cgutils.pointer_add(builder, base, values[1])
        return builder.bswap(builder.load(builder.bitcast(place, ir.IntType(64).as_pointer()), align=1))

    return numba.uint64(source, numba.uint64), generate


@intrinsic
def ask_for(typing, array, place):
    """Have the memory around `array[place]`, of a flat uint8 array, brought near while other work goes on."""

    def generate(context, builder, signature, values):
        base = context.make_array(signature.args[0])(context, builder, values[0]).data
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [base.type, number, number, number])
        prefetch = builder.module.declare_intrinsic("llvm.prefetch", (base.type,), kind)
        read, near, data = number(0), number(3), number(1)
        builder.call(prefetch, [cgutils.pointer_add(builder, base, values[1]), read, near, data])
        return context.get_dummy_value()

    return numba.void(array, numba.int64), generate


def transposer(kept):
    """A function that turns a block of 16x16 bytes within registers, and writes only the `kept` ones of its columns.

    `turn(source, start, stride, target, to, apart)`: row k of the block lies at `source[start + k * stride]`; the
    column `kept[n]` is written to `target[to + n * apart]` and the 15 bytes after. Both are flat uint8 arrays; nothing
    is checked.
    """
    row = ir.VectorType(ir.IntType(8), 16)
    places = ir.VectorType(ir.IntType(32), 16)
    zipped = [ir.Constant(places, [x for k in half for x in (k, 16 + k)]) for half in (range(8), range(8, 16))]

    @intrinsic
    def turn(typing, source, start, stride, target, to, apart):
        def generate(context, builder, signature, values):
            def rows(array, kind, start, stride, count):
                base = context.make_array(kind)(context, builder, array).data
                steps = [builder.mul(stride, ir.Constant(stride.type, k)) for k in range(count)]
                return [
                    builder.bitcast(cgutils.pointer_add(builder, base, builder.add(start, step)), row.as_pointer())
                    for step in steps
                ]

            source, start, stride, target, to, apart = values
            block = [builder.load(place, align=1) for place in rows(source, signature.args[0], start, stride, 16)]
            for _ in range(4):  # four times the first half is shuffled with the second: rows are columns now
                pairs = zip(block[:8], block[8:], strict=True)
                block = [builder.shuffle_vector(a, b, half) for a, b in pairs for half in zipped]
            for k, place in zip(kept, rows(target, signature.args[3], to, apart, len(kept)), strict=True):
                builder.store(block[k], place, align=1)
            return context.get_dummy_value()

        n = numba.int64
        return numba.void(source, n, n, target, n, n), generate

    return turn
