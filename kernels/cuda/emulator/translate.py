"""From a kernel's IR, made for a GPU, to machine code of this CPU.

The text of the IR is changed in a few places: calls of NVIDIA's functions and lines of PTX become calls of
``runtime.py``; arrays in shared memory become places in one piece of memory; before each load, store and atomic
operation stands a check of its address. The rest (types, arithmetic, 32-bit indices, branches) is compiled as it is.
"""

import ctypes
import functools
import math
import re
from dataclasses import astuple, dataclass
from typing import Any

from llvmlite import binding as llvm

from ..stored import kept, lowered
from .checks import CHECKS, NOTES
from .runtime import MEMORY, PTX, RUNTIME, thread_ir
from .switch import processor, switch_ir
from .turns import TURNS, counted, turn_of

GAP = 256  # bytes between arrays in shared memory, which belong to none
SHARED_BYTES = 227 * 1024  # of a block, at most, on sm_90
WORD, WIDEST = 4, 16  # bytes of an access: to memory that is set or copied as a whole, and at most
SCALARS = {"i1": 1, "i8": 1, "i16": 2, "i32": 4, "i64": 8, "half": 2, "float": 4, "double": 8, "ptr": 8}
_DECLARATION = re.compile(r"^define (.*) @(emu\.[\w.]+)\((.*)\) alwaysinline nounwind \{$", re.MULTILINE)


@dataclass(frozen=True)
class Site:
    """One access to memory in a kernel's source."""

    verb: str  # reads, writes, updates
    file: str
    line: int
    callers: tuple[tuple[str, int], ...]  # of the function that this line is in; the last one is in the kernel
    width: int  # bytes of one instruction; copies of many bytes take several


@dataclass
class SharedArray:
    """An array in shared memory: where it lies in the block's memory, in bytes."""

    kind: str
    start: int
    stop: int


@dataclass
class Program:
    """A kernel as machine code of this CPU."""

    address: int  # of the function of one thread
    sites: list[Site]
    shared: list[SharedArray]
    dynamic: int | None  # where dynamic shared memory begins
    engine: Any  # keeps the code alive


@functools.cache
def _machine():
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    name, features = llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()
    return lambda: llvm.Target.from_default_triple().create_target_machine(opt=2, cpu=name, features=features, jit=True)


def _compiled(module):
    engine = llvm.create_mcjit_compiler(module, _machine()())
    engine.finalize_object()
    return engine


@functools.cache
def _switch_engine():
    return _compiled(llvm.parse_assembly(switch_ir(processor()[0])))


def switch_address():
    """Address of ``switch`` (``switch.py``), which kernels know by its name."""
    _machine()
    address = _switch_engine().get_function_address("microdl_switch")
    llvm.add_symbol("microdl_switch", address)
    return address


def _optimise(module, vectors, unroll=True):
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = vectors
    options.loop_unrolling = unroll
    builder = llvm.create_pass_builder(_machine()(), options)
    builder.getModulePassManager().run(module, builder)


def translate(kernel, noted=False):
    """The kernel, a ``launch.Kernel``, as a Program; if ``noted``, as one that notes its accesses to memory."""
    kind = "noted" if noted else "emulated"
    code, sites, shared, dynamic = kept(kind, kernel, (), lambda: _translated(kernel, noted))
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine()())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    sites = [Site(*site) for site in sites]
    shared = [SharedArray(*array) for array in shared]
    return Program(engine.get_function_address("microdl_thread"), sites, shared, dynamic, engine)


def _translated(kernel, noted):
    """An object file of this CPU; the Sites, the SharedArrays as tuples; where dynamic shared memory begins."""
    texts, entry = lowered(kernel)
    if noted:  # LLVM takes such vectors apart on this CPU
        texts = [text.replace("load <4 x i8>", "load volatile <4 x i8>") for text in texts]
    module = llvm.parse_assembly(_runnable(texts[0], kernel.name))
    for text in texts[1:]:
        module.link_in(llvm.parse_assembly(_runnable(text, kernel.name)))
    parameters = [str(argument.type) for argument in module.get_function(entry).arguments]
    module.link_in(llvm.parse_assembly(RUNTIME))
    module.link_in(llvm.parse_assembly(thread_ir(entry, parameters)))
    for function in module.functions:
        if not function.is_declaration and function.name not in ("microdl_thread", "emu.wait"):
            function.linkage = "internal"
    _refuse_unknown(module, kernel.name)
    module.triple, module.data_layout = llvm.get_process_triple(), str(_machine()().target_data)
    # Where accesses are noted, turns of loops count, which unrolled loops have no more.
    _optimise(module, vectors=False, unroll=not noted)
    text, sites = _checked(counted(str(module)) if noted else str(module), noted)
    text, shared, dynamic = _place_shared(text)
    module = llvm.parse_assembly(text)
    if not noted:  # what notes its accesses runs a few times only: to compile it takes longer than to run it
        _optimise(module, vectors=True)
    code = _machine()().emit_object(module)
    return code, list(map(astuple, sites)), list(map(astuple, shared)), dynamic


def _runnable(text, name):
    """IR text in which NVIDIA's functions and lines of PTX have the names that ``runtime.py`` gives them."""
    text = re.sub(r'^(target (triple|datalayout)|@"llvm.used"|!nvvm).*$', "", text, flags=re.MULTILINE)
    text = text.replace('@"llvm.nvvm.', '@"emu.nvvm.')
    used = set()

    def function_of(match):
        ptx = match.group(1)
        known = PTX.get(ptx) or next((PTX[begin] for begin in PTX if ptx.startswith(begin)), None)
        if known is None:
            raise NotImplementedError(f"microdl: the emulated GPU does not know the PTX {ptx!r} in kernel {name}")
        used.add(known)
        return f"@{known}"

    text = re.sub(r'asm (?:sideeffect )?(?:alignstack )?"([^"]*)", ?"[^"]*"', function_of, text)
    for result, function, parameters in _DECLARATION.findall(RUNTIME):
        if function in used:
            kinds = ", ".join(parameter.split()[0] for parameter in parameters.split(", ") if parameter)
            text += f"\ndeclare {result} @{function}({kinds})"
    return text


def _refuse_unknown(module, name):
    for function in module.functions:
        if function.is_declaration and not function.name.startswith(("llvm.", "microdl_")):
            known = function.name.startswith(("emu.", "__nv_", "___numba", "vprintf", "cuda"))
            if known or not _in_process(function.name):
                asked = function.name.replace("emu.nvvm.", "llvm.nvvm.")
                raise NotImplementedError(f"microdl: the emulated GPU has no {asked}, which kernel {name} calls")


def _in_process(name):
    """Whether the C library or anything else in this process has a function of that name."""
    try:
        getattr(ctypes.CDLL(None), name)
    except AttributeError:
        return bool(llvm.address_of_symbol(name))
    return True


_LOAD = re.compile(r"^  (?:%\S+) = load (?:volatile )?(.+?), (ptr(?: addrspace\(\d+\))?) ([%@a-z].*?), align (\d+)")
_STORE = re.compile(r"^  store (?:volatile )?(.+?), (ptr(?: addrspace\(\d+\))?) ([%@a-z].*?), align (\d+)")
_ATOMIC = re.compile(
    r"^  (?:%\S+) = (?:atomicrmw|cmpxchg) (?:volatile |weak )*(?:\w+ )?(ptr(?: addrspace\(\d+\))?) (.+?), (\w+) "
    r".*, align (\d+)"
)
_OWN = re.compile(r"^  (%\S+) = (?:alloca .*|getelementptr .*?, ptr ([%@]\S+),.*)$")
_BLOCK = re.compile(
    r"^  (?:tail )?call void @llvm\.mem(?:set|cpy|move)\.[\w.]+"
    r"\((ptr(?: addrspace\(\d+\))?) (?:[a-z]+(?:\(\d+\)| \d+)? )*"
    r"([%@]\S+), (?:i8 \S+|(ptr(?: addrspace\(\d+\))?) (?:[a-z]+(?:\(\d+\)| \d+)? )*([%@]\S+)), i64 (\S+), "
)


def _checked(text, noted):
    """(text with a check, and a note if ``noted``, before each access; what each check is of)."""
    lines, sites, where = [], [], _Lines(text)
    own, local = True, set()  # whether this function is the runtime's; addresses of single variables
    turn = None  # where the number of the loops' turn is, if it is noted

    def check(verb, space, address, size, align, line, width):
        nonlocal lines
        plain = address
        if "addrspace" in space:
            plain = f"%emu.plain.{len(sites)}"
            lines.append(f"  {plain} = addrspacecast {space} {address} to ptr")
        lines.append(f"  call void @emu.check(ptr {plain}, i64 {size}, i64 {align - 1}, i32 {len(sites)})")
        if noted:
            lines.append(f"  call void @emu.note(ptr {plain}, i64 {size}, i32 {len(sites)}, ptr {turn})")
        sites.append(Site(verb, *where.of(line), width))

    for line in text.splitlines():
        if line.startswith("define "):
            own, local = "@emu." in line.partition("(")[0], set()
        elif not own:
            turn = turn_of(line) or turn
            if match := _OWN.match(line):
                if "= alloca " in line or not _foreign(match.group(2), local):
                    local.add(match.group(1))
            elif match := _LOAD.match(line):
                kind, space, address, align = match.groups()
                if _foreign(address, local) and _size(kind):
                    check("reads", space, address, _size(kind), int(align), line, _width(kind, int(align)))
            elif match := _STORE.match(line):
                value, space, address, align = match.groups()
                if _foreign(address, local) and _size(value):
                    check("writes", space, address, _size(value), int(align), line, _width(value, int(align)))
            elif match := _ATOMIC.match(line):
                space, address, kind, align = match.groups()
                check("updates", space, address, _size(kind), int(align), line, _size(kind))
            elif match := _BLOCK.match(line):
                space, to, from_space, source, size = match.groups()
                if to not in local:
                    check("writes", space, to, size, 1, line, WORD)
                if source and source not in local:
                    check("reads", from_space, source, size, 1, line, WORD)
        lines.append(line)
    hints = f"@emu.hints = internal global [{max(1, len(sites))} x i32] zeroinitializer\n"
    return "\n".join(lines) + "\n" + hints + CHECKS + (TURNS + NOTES) * noted + _missing_memory(text), sites


def _missing_memory(text):
    """Declarations that the checks need and a module, from which unused ones were dropped, may not have any more."""
    declared = set(re.findall(r"^@(microdl_\w+) =", text, re.MULTILINE))
    lines = [line for line in MEMORY.strip().splitlines() if line.startswith("@")]
    wanted = [line for line in lines if line.split()[0][1:] not in declared and "shared" not in line]
    return "\n".join(["", *wanted])


def _foreign(address, local):
    """Whether an address is in the kernel's memory, not a variable or the emulator's."""
    return address not in local and not re.search(r"@(microdl_(?!shared)|emu\.|_ZN08NumbaEnv)", address)


def _size(value):
    """Bytes of a value, from text that begins with its type; 0 for structures."""
    vector = re.match(r"<(\d+) x (\w+)>", value)
    if vector:
        return int(vector.group(1)) * SCALARS[vector.group(2)]
    return SCALARS.get(value.split()[0], 0)


def _width(value, align):
    """Bytes of one access to such a value: of a vector as many as its alignment allows."""
    return min(_size(value), align, WIDEST) if value.startswith("<") else _size(value)


class _Lines:
    """Which lines of source the instructions of a module come from."""

    def __init__(self, text):
        self.entries = dict(re.findall(r"^(![0-9]+) = (?:distinct )?(.*)$", text, re.MULTILINE))

    def of(self, instruction):
        """(file, line, (file, line) of each call on the way there from the kernel, innermost first) of a line of IR."""
        found = re.search(r"!dbg (![0-9]+)", instruction)
        if found is None:
            return "?", 0, ()
        file, line, caller = self._place(found.group(1))
        callers = []
        while caller is not None:
            *place, caller = self._place(caller)
            callers.append(tuple(place))
        return file, line, tuple(callers)

    def _place(self, number):
        location = self.entries[number]
        scope = self._field(location, "scope")
        while "DISubprogram" not in self.entries[scope]:
            scope = self._field(self.entries[scope], "scope")
        file = self.entries[self._field(self.entries[scope], "file")]
        folder, name = (re.search(rf'{key}: "([^"]*)"', file) for key in ("directory", "filename"))
        path = f"{folder.group(1)}/{name.group(1)}" if folder and name else "?"
        line = int(self._field(location, "line") or 0) or int(self._field(self.entries[scope], "line") or 0)
        return path, line, self._field(location, "inlinedAt")

    @staticmethod
    def _field(entry, key):
        found = re.search(rf"\b{key}: (!?[0-9]+)", entry)
        return found.group(1) if found else None


_SHARED = re.compile(
    r"^@(\"?[\w.$]+\"?) = (.*?)addrspace\(3\) global (\[.*\]|\w+)"
    r"(?: undef| poison| zeroinitializer)?(?:, align (\d+))?.*$",
    re.MULTILINE,
)


def _place_shared(text):
    """(text, arrays in shared memory, start of the dynamic one): all in one piece, with gaps, in order of appearance.

    An array for which the kernel asks 4-byte alignment gets just that, and 16-byte accesses to it are found wrong.
    """
    shared, dynamic, at, places = [], None, GAP, {}
    for name, linkage, kind, align in _SHARED.findall(text):
        if name == "microdl_shared":
            continue
        if "external" in linkage:
            places[name] = None
            continue
        numbers = [int(n) for n in re.findall(r"(\d+) x", kind)]
        scalar = re.findall(r"\w+", kind)[-1]
        size, align = math.prod(numbers) * SCALARS[scalar], int(align or 4)
        start = -(-at // 128) * 128 + (align if align < 128 else 0)
        places[name] = start
        shared.append(SharedArray(scalar, start, start + size))
        at = start + size + GAP
    if None in places.values():
        dynamic = -(-at // 128) * 128
        places = {name: dynamic if start is None else start for name, start in places.items()}
    text = _SHARED.sub(lambda match: match.group(0) if match.group(1) == "microdl_shared" else "", text)
    for name, start in places.items():
        there = f"getelementptr (i8, ptr addrspace(3) @microdl_shared, i64 {start})"
        text = re.sub(rf"@{re.escape(name)}(?![\w.$])", lambda _, there=there: there, text)
    if places and not re.search(r"^@microdl_shared =", text, re.MULTILINE):
        text += "\n@microdl_shared = external addrspace(3) global [0 x i8]\n"
    return text, shared, dynamic
