"""``print`` of tensors, whenever they have their values: at once, or each time that a traced function runs."""

import sys

import numpy as np

from microdl.core import nest
from microdl.core.op import register_op
from microdl.core.tensor import Operand, apply


@register_op("PrintV2")
class _Print:
    """Writes ``texts[0] inputs[0] texts[1] inputs[1] ...``. No outputs, no gradient."""

    inputs = ("inputs*",)
    same_dtype = False
    stateful = True
    host = True

    @staticmethod
    def infer(*inputs, texts, summarize, output_stream):
        return ()

    @staticmethod
    def run(kernels, *inputs, texts, summarize, output_stream):
        first, *others = texts
        line = first + "".join(text_of(x, summarize) + text for x, text in zip(inputs, others, strict=True))
        if isinstance(output_stream, str):
            with open(output_stream.removeprefix("file://"), "a", encoding="utf-8") as file:
                file.write(line)
        else:
            stream = output_stream or sys.stderr
            stream.write(line)
            stream.flush()


def print(*inputs, output_stream=None, summarize=3, sep=" ", end="\n", name=None):
    """Prints tensors and other things; in a traced function with every call, not once while it is traced.

    Args:
        inputs: Tensors, anything else, and structures of these. output_stream: ``sys.stderr`` (the default),
            ``sys.stdout`` or another stream, or "file://" and a path, to append to a file.
        summarize: how many of the first and of the last elements of an axis are shown; -1: all.

    >>> print(constant([1.0, 2.5]), "and", 3, output_stream=sys.stdout)
    [1 2.5] and 3
    """
    tensors = []
    line = sep.join(_template(value, tensors) for value in inputs) + end
    apply("PrintV2", *tensors, texts=tuple(line.split(_SLOT)), summarize=summarize, output_stream=output_stream)


_SLOT = "\0"  # where a tensor comes in


class _Slot:
    def __repr__(self):
        return _SLOT


def _template(value, tensors):
    """``value`` as text with a _SLOT for each tensor in it; these are appended to ``tensors``."""
    if isinstance(value, str):
        return value
    leaves = nest.flatten(value)
    tensors += [leaf for leaf in leaves if isinstance(leaf, Operand)]
    if isinstance(value, dict):
        value = {key: value[key] for key in sorted(value)}
    return repr(nest.pack_as(value, [_Slot() if isinstance(leaf, Operand) else leaf for leaf in leaves]))


def text_of(array, summarize, indent=1):
    """As TensorFlow writes it: ``[[1 2]\\n [3 4]]``."""
    if isinstance(array, bytes):  # an element of an array of strings
        return f'"{array.decode(errors="replace")}"'
    if not array.ndim:
        return text_of(array[()], summarize) if array.dtype.hasobject else _number(array[()])
    if summarize < 0 or len(array) <= 2 * summarize:
        rows = [text_of(row, summarize, indent + 1) for row in array]
    else:
        front = [text_of(row, summarize, indent + 1) for row in array[:summarize]]
        back = [text_of(row, summarize, indent + 1) for row in array[len(array) - summarize :]]
        rows = [*front, "...", *back]
    between = " " if array.ndim == 1 else "\n" * (array.ndim - 1) + " " * indent
    return f"[{between.join(rows)}]"


def _number(value):
    """The shortest of two precisions that gives the number back."""
    if not isinstance(value, np.floating):
        return str(int(value))
    short, long = (15, 17) if isinstance(value, np.float64) else (6, 9)
    text = f"{value:.{short}g}"
    return text if type(value)(text) == value else f"{value:.{long}g}"
