"""What a GPU does for a thread, as LLVM IR for the CPU: indices, waiting for others, atomics.

Names that begin with ``emu.nvvm.`` stand for functions of NVIDIA's LLVM dialect, which kernels call (there they begin
with ``llvm.``); ``emu.ptx.`` for lines of PTX in kernels. Names that begin with ``microdl_`` are memory of the emulated
machine (``machine.py``). All of this is inlined into a kernel.
"""

from .scheduler import AND, BARRIER, COUNT, DONE, MATRIX, NO_VALUE, OR, SHUFFLE, SYNC_WARP, VOTE
from .switch import MOST_FIBERS

_INLINE = "alwaysinline nounwind"

MEMORY = f"""
@microdl_current = external global i32
@microdl_threads = external global [{MOST_FIBERS} x [4 x i32]]
@microdl_block = external global [4 x i32]
@microdl_grid = external global [4 x i32]
@microdl_block_size = external global [4 x i32]
@microdl_waiting = external global [{MOST_FIBERS} x i32]
@microdl_operands = external global [{MOST_FIBERS} x [16 x i32]]
@microdl_results = external global [{MOST_FIBERS} x [4 x i32]]
@microdl_stacks = external global [{MOST_FIBERS + 1} x ptr]
@microdl_fault = external global [8 x i64]
@microdl_memory = external global [0 x [2 x i64]]
@microdl_stack_memory = external global [2 x i64]
@microdl_sizes = external global [2 x i64]
@microdl_shared = external addrspace(3) global [0 x i8]
declare void @microdl_switch(ptr, ptr)
"""

_WAITING = f"""
define void @emu.wait(i32 %for) noinline nounwind {{
  %t = load i32, ptr @microdl_current
  %state = getelementptr i32, ptr @microdl_waiting, i32 %t
  store i32 %for, ptr %state
  %mine = getelementptr ptr, ptr @microdl_stacks, i32 %t
  %scheduler = load ptr, ptr getelementptr (ptr, ptr @microdl_stacks, i32 {MOST_FIBERS})
  call void @microdl_switch(ptr %mine, ptr %scheduler)
  ret void
}}
define void @emu.bring(i32 %k, i32 %value) {_INLINE} {{
  %t = load i32, ptr @microdl_current
  %slot = getelementptr [16 x i32], ptr @microdl_operands, i32 %t, i32 %k
  store i32 %value, ptr %slot
  ret void
}}
define i32 @emu.result(i32 %k) {_INLINE} {{
  %t = load i32, ptr @microdl_current
  %slot = getelementptr [4 x i32], ptr @microdl_results, i32 %t, i32 %k
  %value = load i32, ptr %slot
  ret i32 %value
}}
define {{i32, i1}} @emu.pair() {_INLINE} {{
  %value = call i32 @emu.result(i32 0)
  %flag = call i32 @emu.result(i32 1)
  %holds = icmp ne i32 %flag, 0
  %one = insertvalue {{i32, i1}} undef, i32 %value, 0
  %both = insertvalue {{i32, i1}} %one, i1 %holds, 1
  ret {{i32, i1}} %both
}}
define i32 @emu.barrier(i32 %kind, i32 %value) {_INLINE} {{
  call void @emu.bring(i32 0, i32 %kind)
  call void @emu.bring(i32 1, i32 %value)
  call void @emu.wait(i32 {BARRIER})
  %result = call i32 @emu.result(i32 0)
  ret i32 %result
}}
define void @emu.nvvm.barrier0() {_INLINE} {{
  call i32 @emu.barrier(i32 {NO_VALUE}, i32 0)
  ret void
}}
define void @emu.nvvm.bar.warp.sync(i32 %mask) {_INLINE} {{
  call void @emu.bring(i32 0, i32 %mask)
  call void @emu.wait(i32 {SYNC_WARP})
  ret void
}}
define {{i32, i1}} @emu.nvvm.shfl.sync.i32(i32 %mask, i32 %kind, i32 %value, i32 %lane, i32 %clamp) {_INLINE} {{
  call void @emu.bring(i32 0, i32 %mask)
  call void @emu.bring(i32 1, i32 %kind)
  call void @emu.bring(i32 2, i32 %value)
  call void @emu.bring(i32 3, i32 %lane)
  call void @emu.bring(i32 4, i32 %clamp)
  call void @emu.wait(i32 {SHUFFLE})
  %pair = call {{i32, i1}} @emu.pair()
  ret {{i32, i1}} %pair
}}
define {{i32, i1}} @emu.nvvm.vote.sync(i32 %mask, i32 %kind, i1 %value) {_INLINE} {{
  %number = zext i1 %value to i32
  call void @emu.bring(i32 0, i32 %mask)
  call void @emu.bring(i32 1, i32 %kind)
  call void @emu.bring(i32 2, i32 %number)
  call void @emu.wait(i32 {VOTE})
  %pair = call {{i32, i1}} @emu.pair()
  ret {{i32, i1}} %pair
}}
"""


def _barriers():
    for name, kind in (("popc", COUNT), ("and", AND), ("or", OR)):
        yield f"""
define i32 @emu.nvvm.barrier0.{name}(i32 %value) {_INLINE} {{
  %result = call i32 @emu.barrier(i32 {kind}, i32 %value)
  ret i32 %result
}}"""
    for name in ("membar.gl", "membar.cta", "membar.sys"):
        yield f"define void @emu.nvvm.{name}() {_INLINE} {{\n  ret void\n}}"


def _indices():
    for d, axis in enumerate("xyz"):
        yield f"""
define i32 @emu.nvvm.read.ptx.sreg.tid.{axis}() {_INLINE} {{
  %t = load i32, ptr @microdl_current
  %slot = getelementptr [4 x i32], ptr @microdl_threads, i32 %t, i32 {d}
  %value = load i32, ptr %slot
  ret i32 %value
}}"""
        for register, name in (("ctaid", "block"), ("nctaid", "grid"), ("ntid", "block_size")):
            yield f"""
define i32 @emu.nvvm.read.ptx.sreg.{register}.{axis}() {_INLINE} {{
  %value = load i32, ptr getelementptr (i32, ptr @microdl_{name}, i32 {d})
  ret i32 %value
}}"""
    yield f"""
define i32 @emu.nvvm.read.ptx.sreg.laneid() {_INLINE} {{
  %t = load i32, ptr @microdl_current
  %lane = and i32 %t, 31
  ret i32 %lane
}}
define i32 @emu.nvvm.read.ptx.sreg.warpsize() {_INLINE} {{
  ret i32 32
}}
define i32 @emu.ptx.dynamic_shared_bytes() {_INLINE} {{
  %bytes = load i64, ptr getelementptr (i64, ptr @microdl_sizes, i32 1)
  %short = trunc i64 %bytes to i32
  ret i32 %short
}}"""


def _atomics():
    """Threads take turns only where they wait, so plain reads and writes would do; LLVM has them as instructions."""
    functions = [("___numba_atomic_double_add", "fadd", "double")]
    for kind, bits in (("float", 32), ("double", 64)):
        functions += [(f"emu.nvvm.atomic.load.add.f{bits}.p0f{bits}", "fadd", kind)]
        functions += [(f"___numba_atomic_{kind}_sub", "fsub", kind)]
        for least in ("max", "min"):
            functions += [(f"___numba_atomic_{kind}_{prefix}{least}", f"f{least}", kind) for prefix in ("", "nan")]
    for step in ("inc", "dec"):
        functions += [(f"emu.nvvm.atomic.load.{step}.32.p0i32", f"u{step}_wrap", "i32")]
        functions += [(f"___numba_atomic_u64_{step}", f"u{step}_wrap", "i64")]
    for name, operation, kind in functions:
        yield f"""
define {kind} @{name}(ptr %p, {kind} %value) {_INLINE} {{
  %old = atomicrmw {operation} ptr %p, {kind} %value monotonic
  ret {kind} %old
}}"""


_LINES_OF_PTX = f"""
define ptr @emu.shared(i32 %address) {_INLINE} {{
  %base = ptrtoint ptr addrspace(3) @microdl_shared to i64
  %low = trunc i64 %base to i32
  %offset = sub i32 %address, %low
  %far = sext i32 %offset to i64
  %p = getelementptr i8, ptr addrspacecast (ptr addrspace(3) @microdl_shared to ptr), i64 %far
  ret ptr %p
}}
define void @emu.ptx.copy16(i32 %to, i64 %from) {_INLINE} {{
  %target = call ptr @emu.shared(i32 %to)
  %source = inttoptr i64 %from to ptr
  %four = load <4 x i32>, ptr %source, align 16
  store <4 x i32> %four, ptr %target, align 16
  ret void
}}
define void @emu.ptx.copy16_or_zeros(i32 %to, i64 %from, i32 %bytes) {_INLINE} {{
  %target = call ptr @emu.shared(i32 %to)
  %any = icmp ne i32 %bytes, 0
  br i1 %any, label %copy, label %clear
copy:
  %source = inttoptr i64 %from to ptr
  %four = load <4 x i32>, ptr %source, align 16
  store <4 x i32> %four, ptr %target, align 16
  ret void
clear:
  store <4 x i32> zeroinitializer, ptr %target, align 16
  ret void
}}
define void @emu.ptx.nothing() {_INLINE} {{
  ret void
}}
define i32 @emu.ptx.to_tf32(float %x) {_INLINE} {{
  %bits = bitcast float %x to i32
  %more = add i32 %bits, 4096
  %cut = and i32 %more, -8192
  %finite = call i1 @llvm.is.fpclass.f32(float %x, i32 504)
  %result = select i1 %finite, i32 %cut, i32 %bits
  ret i32 %result
}}
declare i1 @llvm.is.fpclass.f32(float, i32)
"""


def _tiles():
    """``mma.sync``: what a lane brings along is the mask of all lanes and its entries of A, B and C."""
    four = "{float, float, float, float}"
    parameters = [f"{'i32' if i < 6 else 'float'} %v{i}" for i in range(10)]
    lines = [f"define {four} @emu.ptx.mma_tf32({', '.join(parameters)}) {_INLINE} {{"]
    lines += ["  call void @emu.bring(i32 0, i32 -1)"]
    for i in range(10):
        lines += [f"  %b{i} = bitcast {parameters[i]} to i32", f"  call void @emu.bring(i32 {i + 1}, i32 %b{i})"]
    lines += [f"  call void @emu.wait(i32 {MATRIX})"]
    for i in range(4):
        before = f"%r{i - 1}" if i else "undef"
        lines += [f"  %i{i} = call i32 @emu.result(i32 {i})", f"  %f{i} = bitcast i32 %i{i} to float"]
        lines += [f"  %r{i} = insertvalue {four} {before}, float %f{i}, {i}"]
    return "\n".join([*lines, f"  ret {four} %r3", "}"])


# PTX in kernels: how it begins, and what does the same here.
PTX = {
    "mov.u32 $0, %dynamic_smem_size": "emu.ptx.dynamic_shared_bytes",
    "cp.async.cg.shared.global [$0], [$1], 16;": "emu.ptx.copy16",
    "cp.async.cg.shared.global [$0], [$1], 16, $2;": "emu.ptx.copy16_or_zeros",
    "cp.async.commit_group": "emu.ptx.nothing",
    "cp.async.wait_group": "emu.ptx.nothing",
    "cvt.rna.tf32.f32": "emu.ptx.to_tf32",
    "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32": "emu.ptx.mma_tf32",
}

# libdevice's functions by the names of the C library's (f for float32).
_ONE = [
    "exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "sin", "cos", "tan", "tanh", "erf", "erfc", "fabs",
    "floor", "ceil", "trunc", "rint", "round", "asin", "acos", "atan", "sinh", "cosh", "asinh", "acosh", "atanh",
    "lgamma", "tgamma",
]  # fmt: skip
_TWO = ["pow", "fmax", "fmin", "atan2", "fmod", "copysign", "hypot", "nextafter"]


def _libdevice():
    for names, count in ((_ONE, 1), (_TWO, 2)):
        for name in names:
            for kind, suffix in (("float", "f"), ("double", "")):
                parameters = ", ".join(f"{kind} %x{i}" for i in range(count))
                yield f"""
declare {kind} @{name}{suffix}({", ".join([kind] * count)})
define {kind} @__nv_{name}{suffix}({parameters}) {_INLINE} {{
  %y = call {kind} @{name}{suffix}({parameters})
  ret {kind} %y
}}"""
    for name in ("sin", "cos"):
        yield f"""
define float @__nv_{name}pif(float %x) {_INLINE} {{
  %wide = fpext float %x to double
  %angle = fmul double %wide, 0x400921FB54442D18
  %y = call double @{name}(double %angle)
  %short = fptrunc double %y to float
  ret float %short
}}"""
    for name, operation in (("fadd_rn", "fadd"), ("fmul_rn", "fmul"), ("fdiv_rn", "fdiv"), ("fsub_rn", "fsub")):
        yield f"""
define float @__nv_{name}(float %a, float %b) {_INLINE} {{
  %y = {operation} float %a, %b
  ret float %y
}}"""
    for name, comparison in (("max", "sgt"), ("min", "slt"), ("umax", "ugt"), ("umin", "ult")):
        yield f"""
define i32 @__nv_{name}(i32 %a, i32 %b) {_INLINE} {{
  %first = icmp {comparison} i32 %a, %b
  %y = select i1 %first, i32 %a, i32 %b
  ret i32 %y
}}"""
    yield f"""
declare float @llvm.fma.f32(float, float, float)
define float @__nv_fmaf(float %a, float %b, float %c) {_INLINE} {{
  %y = call float @llvm.fma.f32(float %a, float %b, float %c)
  ret float %y
}}
define float @__nv_fmaf_rn(float %a, float %b, float %c) {_INLINE} {{
  %y = call float @llvm.fma.f32(float %a, float %b, float %c)
  ret float %y
}}
define i32 @__nv_isnanf(float %x) {_INLINE} {{
  %nan = fcmp uno float %x, %x
  %y = zext i1 %nan to i32
  ret i32 %y
}}
define i32 @__nv_umulhi(i32 %a, i32 %b) {_INLINE} {{
  %x = zext i32 %a to i64
  %z = zext i32 %b to i64
  %p = mul i64 %x, %z
  %h = lshr i64 %p, 32
  %y = trunc i64 %h to i32
  ret i32 %y
}}
define float @__nv_rsqrtf(float %x) {_INLINE} {{
  %root = call float @__nv_sqrtf(float %x)
  %y = fdiv float 1.0, %root
  ret float %y
}}"""


RUNTIME = "\n".join([MEMORY, _WAITING, *_barriers(), *_indices(), *_atomics(), _LINES_OF_PTX, _tiles(), *_libdevice()])


def thread_ir(kernel, parameters):
    """IR of a fiber's function: the kernel with its arguments, each in 8 bytes of memory, and the thread's end."""
    loads, names = [], []
    for i, kind in enumerate(parameters):
        loads += [f"  %a{i} = load {kind}, ptr getelementptr (i64, ptr @microdl_arguments, i32 {i})"]
        names += [f"{kind} %a{i}"]
    lines = "\n".join(loads)
    return f"""
@microdl_arguments = external global [0 x i64]
declare void @{kernel}({", ".join(parameters)})
declare void @emu.wait(i32)
define void @microdl_thread() {{
{lines}
  call void @{kernel}({", ".join(names)})
  call void @emu.wait(i32 {DONE})
  unreachable
}}"""
