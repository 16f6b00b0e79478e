"""Vectors of numbers as a Numba type: what one register of the CPU holds.

    for i in range(0, x.size - lanes(x) + 1, lanes(x)):       # y = max(a * x, 0), without the last, broken vector
        store(maximum(broadcast(a, x) * load(x, i), broadcast(zero, x)), y, i)

A vector is VECTOR_BYTES of numbers of an array's dtype. Vectors know +, -, *, /, unary - and comparisons with their
like; a comparison gives a mask, one truth value a lane, which knows &, | and ``select``. Most loops need none of this:
the compiler vectorises plain ones. Vectors are for loops that must keep sums in registers or end in masked tails.

Functions come in pairs as in ``simd.py``; without the JIT a vector is an array.
"""

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing import templates
from numba.core.typing.templates import AbstractTemplate, signature as typed
from numba.extending import lower_builtin, models, register_model

from .simd import VECTOR_BYTES, address_of, compiled_as

infer_global: Any = templates.infer_global  # untyped in Numba


class Vector(types.Type):
    """``lanes`` integers, floats or truth values; as many as VECTOR_BYTES hold unless said otherwise."""

    def __init__(self, dtype, lanes=None):
        self.bits = 8 if dtype == types.boolean else dtype.bitwidth
        self.dtype, self.lanes = dtype, lanes or VECTOR_BYTES * 8 // self.bits
        self.is_float = isinstance(dtype, types.Float)
        super().__init__(f"Vector({dtype}, {self.lanes})")  # Numba keeps one type of a name: never change one

    @property
    def llvm(self):
        floats = {32: ir.FloatType(), 64: ir.DoubleType()}
        return ir.VectorType(floats[self.bits] if self.is_float else ir.IntType(self.bits), self.lanes)

    @property
    def suffix(self):
        """The type in names of LLVM's functions."""
        return f"v{self.lanes}{'f' if self.is_float else 'i'}{self.bits}"


class Mask(types.Type):
    """One truth value for each of ``lanes`` numbers."""

    def __init__(self, lanes):
        self.lanes = lanes
        self.llvm = ir.VectorType(ir.IntType(1), lanes)
        super().__init__(f"Mask({lanes})")


@register_model(Vector)
@register_model(Mask)
class _Model(models.PrimitiveModel):
    def __init__(self, manager, kind):
        super().__init__(manager, kind, kind.llvm)


def call(builder, name, result, args, fastmath=()):
    """LLVM value: what LLVM's function ``name`` gives."""
    kind = ir.FunctionType(result, [argument.type for argument in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), args, fastmath=fastmath)


def spread(builder, scalar, kind):
    """LLVM value: a vector of type ``kind`` with ``scalar`` in every lane."""
    vector = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), None)
    return builder.shuffle_vector(vector, ir.Constant(kind, ir.Undefined), zeros)


def _first_lanes(builder, count, lanes):
    """LLVM value: the mask of lanes whose number is below ``count``."""
    numbers = ir.VectorType(count.type, lanes)
    return builder.icmp_signed("<", ir.Constant(numbers, list(range(lanes))), spread(builder, count, numbers))


# Moves between memory and registers.


def _lanes(typing, x):
    # A constant of the compiler's: an array's itemsize, a value like any other, would leave divisions in every loop.
    return types.intp(x), lambda context, builder, _, args: context.get_constant(types.intp, Vector(x.dtype).lanes)


def _load(typing, x, i):
    vector = Vector(x.dtype)

    def emit(context, builder, _, args):
        address = address_of(context, builder, x, *args)
        return builder.load(builder.bitcast(address, vector.llvm.as_pointer()), align=vector.bits // 8)

    return vector(x, types.intp), emit


def _load_some(typing, x, i, count):
    vector = Vector(x.dtype)

    def emit(context, builder, _, args):
        array, offset, number = args
        address = builder.bitcast(address_of(context, builder, x, array, offset), vector.llvm.as_pointer())
        align, mask = ir.IntType(32)(vector.bits // 8), _first_lanes(builder, number, vector.lanes)
        name = f"llvm.masked.load.{vector.suffix}.p0"
        return call(builder, name, vector.llvm, [address, align, mask, ir.Constant(vector.llvm, None)])

    return vector(x, types.intp, types.intp), emit


def _store(typing, v, x, i):
    def emit(context, builder, _, args):
        value, array, offset = args
        address = address_of(context, builder, x, array, offset)
        builder.store(value, builder.bitcast(address, value.type.as_pointer()), align=v.bits // 8)
        return context.get_dummy_value()

    return types.void(v, x, types.intp), emit


def _store_some(typing, v, x, i, count):
    def emit(context, builder, _, args):
        value, array, offset, number = args
        address = builder.bitcast(address_of(context, builder, x, array, offset), value.type.as_pointer())
        align, mask = ir.IntType(32)(v.bits // 8), _first_lanes(builder, number, v.lanes)
        call(builder, f"llvm.masked.store.{v.suffix}.p0", ir.VoidType(), [value, address, align, mask])
        return context.get_dummy_value()

    return types.void(v, x, types.intp, types.intp), emit


def _convert(builder, value, source, target):
    """LLVM value: the lanes of ``value`` as numbers of the type ``target`` (of two: an integer and a float type)."""
    if source.is_float:
        return (builder.fptosi if target.dtype.signed else builder.fptoui)(value, target.llvm)
    return (builder.sitofp if source.dtype.signed else builder.uitofp)(value, target.llvm)


def _load_as(typing, x, i, count, like):
    vector = Vector(like.dtype)
    narrow = Vector(x.dtype, vector.lanes)  # what its numbers are in memory

    def emit(context, builder, _, args):
        array, offset, number, _like = args
        address = builder.bitcast(address_of(context, builder, x, array, offset), narrow.llvm.as_pointer())
        align, mask = ir.IntType(32)(narrow.bits // 8), _first_lanes(builder, number, vector.lanes)
        name = f"llvm.masked.load.{narrow.suffix}.p0"
        some = call(builder, name, narrow.llvm, [address, align, mask, ir.Constant(narrow.llvm, None)])
        return _convert(builder, some, narrow, vector)

    return vector(x, types.intp, types.intp, like), emit


def _store_as(typing, v, x, i, count):
    narrow = Vector(x.dtype, v.lanes)

    def emit(context, builder, _, args):
        value, array, offset, number = args
        address = builder.bitcast(address_of(context, builder, x, array, offset), narrow.llvm.as_pointer())
        align, mask = ir.IntType(32)(narrow.bits // 8), _first_lanes(builder, number, v.lanes)
        converted = _convert(builder, value, v, narrow)
        call(builder, f"llvm.masked.store.{narrow.suffix}.p0", ir.VoidType(), [converted, address, align, mask])
        return context.get_dummy_value()

    return types.void(v, x, types.intp, types.intp), emit


def _broadcast(typing, value, like):
    vector = Vector(like.dtype)

    def emit(context, builder, _, args):
        return spread(builder, context.get_value_as_data(builder, like.dtype, args[0]), vector.llvm)

    return vector(like.dtype, like), emit


@compiled_as(_lanes)
def lanes(x):
    """How many elements of array ``x`` make a vector."""
    return VECTOR_BYTES // x.itemsize


@compiled_as(_load)
def load(x, i):
    """The vector x[i : i + lanes(x)]."""
    return x[i : i + lanes(x)].copy()


@compiled_as(_load_some)
def load_some(x, i, count):
    """The vector x[i : i + count], which may be shorter than a vector; the other lanes are 0. Reads nothing else."""
    vector = np.zeros(lanes(x), x.dtype)
    vector[: max(count, 0)] = x[i : i + max(0, min(count, vector.size))]
    return vector


@compiled_as(_store)
def store(v, x, i):
    """x[i : i + lanes(x)] = v."""
    x[i : i + v.size] = v


@compiled_as(_store_some)
def store_some(v, x, i, count):
    """x[i : i + count] = the first ``count`` lanes of v, which may be fewer than all. Writes nothing else."""
    x[i : i + max(0, min(count, v.size))] = v[: max(count, 0)]


@compiled_as(_load_as)
def load_as(x, i, count, like):
    """``load_some`` of an array of integers, as a vector of floats of the dtype of array ``like``."""
    vector = np.zeros(lanes(like), like.dtype)
    vector[: max(count, 0)] = x[i : i + max(0, min(count, vector.size))]
    return vector


@compiled_as(_store_as)
def store_as(v, x, i, count):
    """``store_some`` of floats in an array of integers, all of which the integers can hold."""
    x[i : i + max(0, min(count, v.size))] = v[: max(count, 0)]


@compiled_as(_broadcast)
def broadcast(value, like):
    """The vector with ``value`` in every lane, of the dtype of array ``like``."""
    return np.full(lanes(like), value, like.dtype)


# Arithmetic.


class _Pair(AbstractTemplate):
    """Types of an operator on two equal vectors (or two masks), which gives one more."""

    takes, result = (Vector,), staticmethod(lambda kind: kind)

    def generic(self, args, kws):
        if isinstance(args[0], self.takes) and all(kind == args[0] for kind in args):
            return typed(self.result(args[0]), *args)


class _Logic(_Pair):
    takes = (Mask,)


class _Comparison(_Pair):
    result = staticmethod(lambda vector: Mask(vector.lanes))


def _arithmetic(function, inplace, of_floats, of_integers):
    """Lets vectors be arguments of the operator ``function``, by instructions of llvmlite's builder."""

    def emit(context, builder, signature, args):
        return getattr(builder, of_floats if signature.args[0].is_float else of_integers)(*args)

    for spelling in (function, inplace):
        infer_global(spelling)(type("_Arithmetic", (_Pair,), {}))
        lower_builtin(spelling, Vector, Vector)(emit)


def _comparison(function, symbol):
    def emit(context, builder, signature, args):
        vector = signature.args[0]
        if vector.is_float:
            return (builder.fcmp_unordered if symbol == "!=" else builder.fcmp_ordered)(symbol, *args)
        return (builder.icmp_signed if vector.dtype.signed else builder.icmp_unsigned)(symbol, *args)

    infer_global(function)(type("_Comparison", (_Comparison,), {}))
    lower_builtin(function, Vector, Vector)(emit)


def _logic(function, instruction):
    infer_global(function)(type("_Logic", (_Logic,), {}))
    lower_builtin(function, Mask, Mask)(lambda context, builder, _, args: getattr(builder, instruction)(*args))


def _negative(context, builder, signature, args):
    return builder.fneg(*args) if signature.args[0].is_float else builder.neg(*args)


_arithmetic(operator.add, operator.iadd, "fadd", "add")
_arithmetic(operator.sub, operator.isub, "fsub", "sub")
_arithmetic(operator.mul, operator.imul, "fmul", "mul")
_arithmetic(operator.truediv, operator.itruediv, "fdiv", "")
_comparison(operator.lt, "<")
_comparison(operator.le, "<=")
_comparison(operator.gt, ">")
_comparison(operator.ge, ">=")
_comparison(operator.eq, "==")
_comparison(operator.ne, "!=")
_logic(operator.and_, "and_")
_logic(operator.or_, "or_")
infer_global(operator.neg)(type("_Negative", (_Pair,), {}))
lower_builtin(operator.neg, Vector)(_negative)


def _lane_wise(name, fastmath=()):
    """The intrinsic of one of LLVM's functions of float vectors of one type, or of floats."""

    def definition(typing, *kinds):
        kind = kinds[0]
        suffix = kind.suffix if isinstance(kind, Vector) else f"f{kind.bitwidth}"

        def emit(context, builder, _, args):
            return call(builder, f"llvm.{name}.{suffix}", args[0].type, args, fastmath)

        return typed(kind, *[kind] * len(kinds)), emit

    return definition


def _fma(typing, a, b, c):
    return _lane_wise("fmuladd")(typing, a, b, c)


def _maximum(typing, a, b):
    return _lane_wise("maximum", ("nsz",))(typing, a, b)


def _minimum(typing, a, b):
    return _lane_wise("minimum", ("nsz",))(typing, a, b)


def _select(typing, mask, a, b):
    return a(mask, a, a), lambda context, builder, _, args: builder.select(*args)


def _total(typing, v):
    def emit(context, builder, _, args):
        start = ir.Constant(v.llvm.element, -0.0)
        return call(builder, f"llvm.vector.reduce.fadd.{v.suffix}", v.llvm.element, [start, *args], ("reassoc",))

    return v.dtype(v), emit


def _greatest(typing, v):
    def emit(context, builder, _, args):
        return call(builder, f"llvm.vector.reduce.fmaximum.{v.suffix}", v.llvm.element, args)

    return v.dtype(v), emit


def _holds(typing, mask):
    def emit(context, builder, _, args):
        return call(builder, f"llvm.vector.reduce.or.v{mask.lanes}i1", ir.IntType(1), args)

    return types.boolean(mask), emit


@compiled_as(_holds)
def holds(mask):
    """Whether a mask holds in one lane at least."""
    return bool(mask.any())


@compiled_as(_fma)
def fma(a, b, c):
    """a * b + c, rounded once if the CPU can. Vectors of floats, or floats of one dtype."""
    return a * b + c


@compiled_as(_maximum)
def maximum(a, b):
    """The greater of a and b, lane by lane; NaN where one of them is. Vectors of floats."""
    return np.maximum(a, b)


@compiled_as(_minimum)
def minimum(a, b):
    """The smaller of a and b, lane by lane; NaN where one of them is. Vectors of floats."""
    return np.minimum(a, b)


@compiled_as(_select)
def select(mask, a, b):
    """a in the lanes where ``mask`` holds, else b. For a truth value and two numbers: one of them, without a branch."""
    return np.where(mask, a, b)[()]


@compiled_as(_total)
def total(v):
    """The sum of all lanes, pair by pair. A vector of floats."""
    return v.sum()


@compiled_as(_greatest)
def greatest(v):
    """The greatest lane; NaN if one is. A vector of floats."""
    return v.max()
