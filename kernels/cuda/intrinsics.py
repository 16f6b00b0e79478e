"""Instructions of a GPU that Numba has no function for, as LLVM IR or lines of PTX.

Addresses are typed pointers or arrays in shared memory, and offsets count elements. 16-byte accesses need addresses
that are multiples of 16 (four bytes: of 4): shared arrays with ``alignment=16``, and memory as the driver allocates it.
"""

from llvmlite import ir

from .target import cgutils, errors, float32, int32, int64, intrinsic, types, uint32

_I32, _I64, _F32 = ir.IntType(32), ir.IntType(64), ir.FloatType()


def _place(context, builder, kind, value, offset_kind, offset):
    """LLVM value: the address of element ``offset``, without the code that negative indices would take."""
    if offset_kind.bitwidth < 64:
        offset = (builder.sext if offset_kind.signed else builder.zext)(offset, _I64)
    if isinstance(kind, types.CPointer):
        return builder.gep(value, [offset])
    return builder.gep(context.make_array(kind)(context, builder, value).data, [offset])


def _check(kind, dtype=None):
    flat = isinstance(kind, types.Array) and kind.ndim == 1 and kind.layout == "C"
    if not (flat or isinstance(kind, types.CPointer)) or kind.dtype != (dtype or kind.dtype):
        raise errors.TypingError(f"an address of {dtype or ''} numbers is needed, got {kind}")


def _four(context, kind):
    """The vector of four numbers of a type, and what its address is a multiple of, at most 16."""
    return ir.VectorType(context.get_data_type(kind), 4), min(
        16, 4 * context.get_abi_sizeof(context.get_data_type(kind))
    )


def _load4(x, i, constant):
    _check(x)

    def emit(context, builder, signature, args):
        place = _place(context, builder, x, args[0], signature.args[1], args[1])
        kind, align = _four(context, x.dtype)
        four = builder.load(builder.bitcast(place, kind.as_pointer()), align=align)
        if constant:
            four.set_metadata("invariant.load", builder.module.add_metadata([]))
        return cgutils.pack_array(builder, [builder.extract_element(four, _I32(k)) for k in range(4)])

    return types.UniTuple(x.dtype, 4)(x, i), emit


@intrinsic
def advance(typing, x, count):
    """The address of x[count]; count is int64, as memory may hold more numbers than 32 bits can count."""

    def emit(context, builder, signature, args):
        return builder.gep(args[0], [args[1]])

    return x(x, int64), emit


@intrinsic
def as_array(typing, x, n):
    """The n numbers at an address as an array, for Numba's functions of arrays: ``cuda.atomic.add(array, i, v)``."""
    _check(x)
    kind = types.Array(x.dtype, 1, "C")

    def emit(context, builder, signature, args):
        found, count = context.make_array(kind)(context, builder), context.cast(builder, args[1], n, int64)
        size = _I64(context.get_abi_sizeof(context.get_data_type(x.dtype)))
        found.data, found.nitems, found.itemsize = args[0], count, size
        found.shape, found.strides = (cgutils.pack_array(builder, [value]) for value in (count, size))
        found.meminfo, found.parent = (ir.Constant(value.type, None) for value in (found.meminfo, found.parent))
        return found._getvalue()

    return kind(x, n), emit


@intrinsic
def numbers_at(typing, place):
    """The address of float32 numbers that an int64 stands for, as in a table of addresses."""

    def emit(context, builder, signature, args):
        return builder.inttoptr(args[0], _F32.as_pointer())

    return types.CPointer(float32)(int64), emit


@intrinsic
def load1(typing, x, i):
    """The number x[i], without the code that negative indices would take: constants in i become part of the access."""
    _check(x)

    def emit(context, builder, signature, args):
        return builder.load(_place(context, builder, x, args[0], signature.args[1], args[1]))

    return x.dtype(x, i), emit


@intrinsic
def load2(typing, x, i):
    """The numbers x[i], x[i + 1] of four bytes each, by one access; i is a multiple of 2."""
    _check(x, float32)

    def emit(context, builder, signature, args):
        place = _place(context, builder, x, args[0], signature.args[1], args[1])
        two = builder.load(builder.bitcast(place, ir.VectorType(_F32, 2).as_pointer()), align=8)
        return cgutils.pack_array(builder, [builder.extract_element(two, _I32(k)) for k in range(2)])

    return types.UniTuple(float32, 2)(x, i), emit


@intrinsic
def load4(typing, x, i):
    """The numbers x[i : i + 4], by one access."""
    return _load4(x, i, constant=False)


@intrinsic
def load4_constant(typing, x, i):
    """``load4`` of memory that nobody writes while the kernel runs: by way of the read-only cache."""
    return _load4(x, i, constant=True)


@intrinsic
def store4(typing, x, i, four):
    """x[i : i + 4] = four, numbers that become x's as in a plain store, by one access."""
    _check(x)

    def emit(context, builder, signature, args):
        place = _place(context, builder, x, args[0], signature.args[1], args[1])
        kind, align = _four(context, x.dtype)
        value = ir.Constant(kind, ir.Undefined)
        for k, element in enumerate(cgutils.unpack_tuple(builder, args[2], 4)):
            value = builder.insert_element(value, context.cast(builder, element, four[k], x.dtype), _I32(k))
        builder.store(value, builder.bitcast(place, kind.as_pointer()), align=align)
        return context.get_dummy_value()

    return types.void(x, i, four), emit


@intrinsic
def store2(typing, x, i, a, b):
    """x[i], x[i + 1] = a, b, float32 numbers, by one access; i is a multiple of 2."""
    _check(x, float32)

    def emit(context, builder, signature, args):
        place = _place(context, builder, x, args[0], signature.args[1], args[1])
        two = ir.Constant(ir.VectorType(_F32, 2), ir.Undefined)
        for k in range(2):
            two = builder.insert_element(two, args[2 + k], _I32(k))
        builder.store(two, builder.bitcast(place, two.type.as_pointer()), align=8)
        return context.get_dummy_value()

    return types.void(x, i, float32, float32), emit


@intrinsic
def fma(typing, a, b, c):
    """a * b + c, rounded once. float32."""
    return float32(float32, float32, float32), lambda context, builder, _, args: builder.fma(*args)


@intrinsic
def bits_of(typing, x):
    """The bits of a float32 as an int32."""
    return int32(float32), lambda context, builder, _, args: builder.bitcast(args[0], _I32)


@intrinsic
def float_of(typing, bits):
    """The float32 of such bits."""
    return float32(int32), lambda context, builder, _, args: builder.bitcast(args[0], _F32)


# Copies from global to shared memory that go on while the thread does other things.


def _ptx(builder, text, constraints, result, args):
    kind = ir.FunctionType(result, [arg.type for arg in args])
    return builder.call(ir.InlineAsm(kind, text, constraints, side_effect=True), args)


def _copy16(constraints, text):
    def emit(context, builder, signature, args):
        kinds = signature.args
        to = _place(context, builder, kinds[0], args[0], kinds[1], args[1])
        to = builder.ptrtoint(builder.addrspacecast(to, ir.PointerType(to.type.pointee, 3)), _I32)
        origin = builder.ptrtoint(_place(context, builder, kinds[2], args[2], kinds[3], args[3]), _I64)
        _ptx(builder, text, constraints, ir.VoidType(), [to, origin, *args[4:]])
        return context.get_dummy_value()

    return emit


@intrinsic
def copy16(typing, to, i, origin, j):
    """Begins to copy four numbers: to[i : i + 4] = origin[j : j + 4]. to: shared, origin: global memory."""
    _check(to, float32)
    _check(origin, float32)
    emit = _copy16("r,l,~{memory}", "cp.async.cg.shared.global [$0], [$1], 16;")
    return types.void(to, i, origin, j), emit


@intrinsic
def copy16_or_zeros(typing, to, i, origin, j, size):
    """``copy16`` if size is 16; if it is 0, zeros are written and nothing is read."""
    _check(to, float32)
    _check(origin, float32)
    emit = _copy16("r,l,r,~{memory}", "cp.async.cg.shared.global [$0], [$1], 16, $2;")
    return types.void(to, i, origin, j, int32), emit


@intrinsic
def commit_copies(typing):
    """Makes the copies begun since the last call one group."""

    def emit(context, builder, signature, args):
        _ptx(builder, "cp.async.commit_group;", "~{memory}", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def wait_for_copies(typing, groups):
    """Waits until at most that many groups, a literal, of this thread's copies are not done."""
    if not isinstance(groups, types.IntegerLiteral):
        raise errors.RequireLiteralValue(groups)

    def emit(context, builder, signature, args):
        _ptx(builder, f"cp.async.wait_group {groups.literal_value};", "~{memory}", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(groups), emit


# Tensor cores.


@intrinsic
def to_tf32(typing, x):
    """x rounded to the 10 bits after the point of tf32, to nearest and away from zero where two are."""

    def emit(context, builder, signature, args):
        return _ptx(builder, "cvt.rna.tf32.f32 $0, $1;", "=r,f", _I32, args)

    return uint32(float32), emit


@intrinsic
def multiply_tiles(typing, a, b, c):
    """d = a b + c by all lanes of a warp: a 16 x 8 and b 8 x 8 in tf32, c and d 16 x 8 in float32.

    A lane holds four numbers of a, two of b and four of c and d: PTX ISA, "Matrix fragments for mma.m16n8k8".
    """
    signature = types.UniTuple(float32, 4)(
        types.UniTuple(uint32, 4), types.UniTuple(uint32, 2), types.UniTuple(float32, 4)
    )

    def emit(context, builder, signature, args):
        values = [*cgutils.unpack_tuple(builder, args[0], 4), *cgutils.unpack_tuple(builder, args[1], 2)]
        values += cgutils.unpack_tuple(builder, args[2], 4)
        text = (
            "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 "
            "{$0,$1,$2,$3}, {$4,$5,$6,$7}, {$8,$9}, {$10,$11,$12,$13};"
        )
        four = ir.LiteralStructType([_F32] * 4)
        result = _ptx(builder, text, "=f,=f,=f,=f,r,r,r,r,r,r,f,f,f,f", four, values)
        return cgutils.pack_array(builder, [builder.extract_value(result, k) for k in range(4)])

    return signature, emit
