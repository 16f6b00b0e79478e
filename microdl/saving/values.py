"""Values of traced calls as JSON: attributes of ops, arguments, and structures of tensors. Nothing in it can be code.

numbers, strings, None, lists   as they are
{"tuple": [...]}                others by their kind: dict, slice, ellipsis, float (nan, inf), bytes, dtype...
{"tensor": n}                   the n-th tensor of the trace
{"constant": n}                 a tensor with values, which lie beside the text
{"variable": n}                 a Variable
{"size": [...]}                 a number that depends on sizes, or "ratio", "sizes", "steps": sizes.py
"""

import math

import numpy as np

from microdl.core import dtypes
from microdl.core.op import Spec
from microdl.core.random_state import Calls
from microdl.core.shapes import TensorShape
from microdl.core.tensor import Tensor
from microdl.core.variable import Variable
from microdl.saving.sizes import in_steps, size_of


class Writer:
    """Turns values into JSON.

    Args: trace: function of a traced function that gives its number.
    Attributes: variables: the Variables met so far. arrays: dict from keys to arrays, the values of constants.
    """

    def __init__(self, trace):
        self.trace, self.variables, self.arrays = trace, [], {}
        self._variables, self._constants = {}, {}  # ids -> numbers
        self._kept = []  # constants: an id belongs to one of them for as long as it lives

    def variable(self, variable):
        """The number of a Variable."""
        if id(variable) not in self._variables:
            self._variables[id(variable)] = len(self.variables)
            self.variables.append(variable)
        return self._variables[id(variable)]

    def constant(self, tensor):
        """The number of a Tensor with values."""
        if id(tensor) not in self._constants:
            number = self._constants[id(tensor)] = len(self._kept)
            self._kept.append(tensor)
            self.arrays[f"constants/{number}"] = tensor.host_copy()
        return self._constants[id(tensor)]

    def tensor(self, number):
        """The Tensor of ``constant``."""
        return self._kept[number]

    def value(self, value, numbers):
        """JSON for ``value``. numbers: id of a symbolic Tensor -> its number. Raises TypeError for other objects."""
        if value is None or isinstance(value, (bool, int, str)):
            return value
        if isinstance(value, float):
            return value if math.isfinite(value) else {"float": str(value)}
        if isinstance(value, Variable):
            return {"variable": self.variable(value)}
        if isinstance(value, Tensor):
            if value.array is not None:
                return {"constant": self.constant(value)}
            if id(value) not in numbers:
                raise TypeError("a tensor that comes from elsewhere")
            return {"tensor": numbers[id(value)]}
        if isinstance(value, Calls):
            return {"calls": list(value)}
        if isinstance(value, Spec):
            return {"spec": [list(value.shape), value.dtype.name]}
        if isinstance(value, TensorShape):
            return {"shape": value.as_list()}
        if type(value) in (list, tuple):
            parts = [self.value(part, numbers) for part in value]
            return parts if isinstance(value, list) else {"tuple": parts}
        if isinstance(value, dict):
            return {"dict": [[self.value(key, numbers), self.value(part, numbers)] for key, part in value.items()]}
        if isinstance(value, (slice, range)):
            return {type(value).__name__: [self.value(x, numbers) for x in (value.start, value.stop, value.step)]}
        return self._leaf(value)

    def _leaf(self, value):
        if value is Ellipsis:
            return {"ellipsis": True}
        if isinstance(value, dtypes.DType):
            return {"dtype": value.name}
        if isinstance(value, bytes):
            return {"bytes": value.decode("latin-1")}
        if isinstance(value, (np.integer, np.floating, np.bool_)):
            return {"scalar": [value.dtype.name, str(value.item())]}
        if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
            return {"array": self.constant(Tensor(Spec(value.shape, dtypes.as_dtype(value.dtype)), value.copy()))}
        raise TypeError(f"{value!r}, of type {type(value).__name__}, which is Python's alone")


class Reader:
    """Turns JSON back into values.

    Args: variables: list of Variables. constant, trace: functions of a number to the Tensor, to the traced function.
    """

    def __init__(self, variables, constant, trace):
        self.variables, self.constant, self.trace = variables, constant, trace

    def value(self, text, tensors):
        """tensors: number -> Tensor of the trace. Raises KeyError, IndexError, TypeError, ValueError if it is wrong."""
        if isinstance(text, list):
            return [self.value(part, tensors) for part in text]
        if not isinstance(text, dict):
            return text
        ((kind, content),) = text.items()
        if kind == "tensor":
            return tensors[content]
        if kind in ("tuple", "slice", "range"):
            return {"tuple": _as_tuple, "slice": slice, "range": range}[kind](*self.value(content, tensors))
        if kind == "size":
            return size_of(content, tensors)
        if kind == "ratio":
            number, size = content
            return number / self.value(size, tensors)
        if kind in ("sizes", "steps"):
            return self._computed(kind, *self.value(content, tensors))
        if kind == "spec":
            return Spec(tuple(self.value(content[0], tensors)), dtypes.as_dtype(content[1]))
        if kind == "shape":
            return TensorShape(self.value(content, tensors))
        if kind == "dict":
            return {self.value(key, tensors): self.value(part, tensors) for key, part in content}
        return self._leaf(kind, content)

    def _computed(self, kind, holder, dtype, shape, numbers):
        """An array that depends on sizes, or a Tensor that holds it."""
        array = np.array(numbers, dtype).reshape(shape) if kind == "sizes" else in_steps(dtype, shape, *numbers)
        return Tensor(Spec(array.shape, dtypes.as_dtype(dtype)), array) if holder == "constant" else array

    def _leaf(self, kind, content):
        if kind == "constant":
            return self.constant(content)
        if kind == "array":
            return self.constant(content).host_copy()
        if kind == "variable":
            return self.variables[content]
        if kind == "scalar":
            dtype, text = content
            return np.dtype(dtype).type(text == "True" if dtype == "bool" else text)
        return _LEAVES[kind](content)


def _as_tuple(*parts):
    return parts


_LEAVES = {
    "float": float,
    "bytes": lambda text: text.encode("latin-1"),
    "dtype": dtypes.as_dtype,
    "calls": lambda pair: Calls(*pair),
    "ellipsis": lambda _: Ellipsis,
}
