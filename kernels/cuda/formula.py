"""Several elementwise ops as one kernel, which is generated, on a GPU. Twin: ``kernels/cpu/formula.py``.

What a formula is, and what it computes, stands there; here are the functions of a GPU, and the loop around it: a thread
reads four elements of each array by one access where all arrays are of the outputs' size or of one element; else it
finds the places of the stretched ones (``strides.py``). Nothing is contracted: results have the bits that the ops give
one after another.
"""

from ..cpu import formula as twin
from ..cpu.formula import FLOATING as FLOATING, ONE, STRETCHED, WHOLE, Input as Input, Step as Step
from ..generated import load
from . import pointwise, scalar
from .elements import blocks, vectors
from .operands import prepared

DTYPES = twin.DTYPES - {"float64"}  # that generated kernels compute with
EXPRESSIONS = twin.EXPRESSIONS | {
    "Maximum": "larger({0}, {1})",
    "Minimum": "smaller({0}, {1})",
    "Abs": "abs_of({0})",
    "Sign": "{dtype}(sign_of({0}))",
    "ClipByValue": "larger(smaller({0}, {high}), {low})",
    "Floor": "libdevice.floorf({0})",
    "Ceil": "libdevice.ceilf({0})",
    "Rint": "libdevice.rintf({0})",
    "Sqrt": "libdevice.sqrtf({0})",
    "Rsqrt": "{one} / libdevice.sqrtf({0})",
    "IsNan": "{0} != {0}",
    "IsInf": "abs_of({0}) == float32(inf)",
    "IsFinite": "{0} - {0} == {zero}",
}


class Formula:
    """A generated kernel: called with flat inputs, the table of shapes if there is one, and flat outputs."""

    def __init__(self, kernel, inputs, outputs):
        self.kernel, self.inputs, self.outputs = kernel, inputs, outputs
        self._stretched = [k for k, x in enumerate(inputs) if x.kind == STRETCHED]

    def __call__(self, *arrays):
        inputs, outputs = list(arrays[: len(self.inputs)]), arrays[-self.outputs :]
        walk, read = (), [x for x, kind in zip(inputs, self.inputs, strict=True) if kind.kind == WHOLE]
        if self._stretched:
            columns = tuple(zip(*arrays[len(inputs)].tolist(), strict=True))
            columns = tuple((column[0], *column[2:]) for column in columns)  # row 1 holds the outputs' steps
            operands, walk, _ = prepared([inputs[k] for k in self._stretched], columns, outputs[0])
            for k, x in zip(self._stretched, operands, strict=True):
                inputs[k] = x
        wide = 0 if self._stretched else vectors(*read, *outputs)
        self.kernel(blocks(outputs[0]), *inputs, *walk, *outputs, outputs[0].size, wide)


def kernel_for(inputs, steps, results):
    """The Formula of ``write``."""
    return Formula(load(*write(inputs, steps, results)), inputs, len(results))


def write(inputs, steps, results):
    """The kernel that does all ``steps``, as text: what its twin says; returns name and source for ``load``."""
    dtypes = {f"x{k}": x.dtype for k, x in enumerate(inputs)} | {f"t{k}": step.dtype for k, step in enumerate(steps)}
    lines = [f"    t{k} = {_expression(step, dtypes)}  # {step.op}" for k, step in enumerate(steps)]
    names, outputs = [f"x{k}" for k in range(len(inputs))], [f"y{k}" for k in range(len(results))]
    stretched = [k for k, x in enumerate(inputs) if x.kind == STRETCHED]
    walk = ["axes", "sizes", *(f"steps{k}" for k in stretched)] if stretched else []
    types = [f"{_element(x.dtype)}*" for x in inputs] + ["int32", *["{WALK}"] * (1 + len(stretched))] * bool(stretched)
    types += [f"{_element(steps[k].dtype)}*" for k in results] + ["int32", "int32"]
    signature = " ".join(types)
    body, title = "\n".join(lines), twin.title_of(steps)
    loop = _loop_by_places(inputs, names, outputs, stretched) if stretched else _loop_by_fours(inputs, names, outputs)
    kernel = f'''@device
def formula({", ".join(names)}):
{body}
    return {", ".join(f"t{k}" for k in results)}{"," if len(results) == 1 else ""}


@kernel({"f" if stretched else ""}"{signature}")
def {title}({", ".join([*names, *walk, *outputs, "n", "wide"])}):
    """{", ".join(outputs)} = formula({", ".join(names)}), element by element.

    {twin.described(inputs, [steps[k].dtype for k in results])}
    """
{loop}
'''
    return title, f"{twin.headline(steps)}\n\n{twin.imports(kernel, _MEMBERS)}\n\n\n{kernel}"


def _loop_by_places(inputs, names, outputs, stretched):
    """Element by element, each with its places in the inputs that are stretched."""
    lines = ["    for k in range(EACH):", "        i = element(k)", "        if i < uint32(n):"]
    for first, second in zip(stretched[::2], [*stretched[1::2], stretched[-1]], strict=False):
        place = f"p{first}, p{second}" if first != second else f"p{first}, _"
        lines.append(f"            {place} = two_places(i, axes, sizes, steps{first}, steps{second})")
    place = {WHOLE: "i", ONE: "0"}
    read = ", ".join(f"{x}[{place.get(kind.kind, f'p{x[1:]}')}]" for x, kind in zip(names, inputs, strict=True))
    lines.append(f"            result = formula({read})")
    lines += [f"            {y}[i] = result[{k}]" for k, y in enumerate(outputs)]
    return "\n".join(lines)


def _loop_by_fours(inputs, names, outputs):
    """Four elements at a time, the last ones one by one."""
    whole = {x for x, kind in zip(names, inputs, strict=True) if kind.kind == WHOLE}
    lines = ["    first = first_element()", "    if wide != 0 and uint32(first + uint32(EACH)) <= uint32(n):"]
    lines += [f"        {x}s = {f'load4({x}, first)' if x in whole else f'{x}[0]'}" for x in names]
    for k in range(4):
        lines.append(f"        r{k} = formula({', '.join(f'{x}s[{k}]' if x in whole else f'{x}s' for x in names)})")
    lines += [f"        store4({y}, first, (r0[{k}], r1[{k}], r2[{k}], r3[{k}]))" for k, y in enumerate(outputs)]
    lines += ["    else:", "        for k in range(EACH):", "            i = uint32(first + uint32(k))"]
    lines += ["            if i < uint32(n):"]
    lines.append(
        f"                result = formula({', '.join(f'{x}[i]' if x in whole else f'{x}[0]' for x in names)})"
    )
    lines += [f"                {y}[i] = result[{k}]" for k, y in enumerate(outputs)]
    return "\n".join(lines)


def _element(dtype):
    return "uint8" if dtype == "bool" else dtype


def _expression(step, dtypes):
    text = twin.expression(step, dtypes, EXPRESSIONS).replace("np.bool_(", "bool(")
    return f"({text}) != 0" if step.dtype == "bool" and step.op in ("SelectV2", "BroadcastTo") else text


_FUNCTIONS = {name for module in (pointwise, scalar) for name in vars(module) if name.endswith("_of")}
_MEMBERS = {
    "cuda.elements": {"EACH", "first_element"},
    "cuda.intrinsics": {"load4", "store4"},
    "cuda.launch": {"kernel"},
    "cuda.pointwise": {name for name in _FUNCTIONS if not hasattr(scalar, name)},
    "cuda.reduction": {"larger", "smaller"},
    "cuda.scalar": {name for name in _FUNCTIONS if hasattr(scalar, name)} | {"select"},
    "cuda.strides": {"WALK", "element", "two_places"},
    "cuda.target": {"device", "float32", "int32", "int64", "libdevice", "uint8", "uint32"},
}
