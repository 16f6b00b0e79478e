"""``tf.saved_model``: objects with their Variables and traced functions, in one file that needs none of their code.

The folder holds ``saved_model.safetensors``: the values of variables and constants as arrays, each with a checksum, and
in the metadata, which have a checksum too, the objects and the calls that the functions make (``traces.py``) as JSON.
It is written whole or not at all.
"""

import functools
import inspect
import json
import os
from pathlib import Path

import numpy as np

from microdl.compile.arguments import Structured
from microdl.compile.function import Function
from microdl.core import dtypes
from microdl.core.context import context
from microdl.core.errors import DataLossError
from microdl.core.op import Spec
from microdl.core.tensor import Tensor
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.saving import safetensors, traces
from microdl.saving.restored import Restored, RestoredFunction, SignatureFunction, as_signature, named_outputs
from microdl.saving.texts import as_numbers, as_strings
from microdl.saving.values import Reader, Writer

FILE, KEY, VERSION = "saved_model.safetensors", "saved_model", 2
DEFAULT_SIGNATURE = "serving_default"
_TEXTS = "texts/"  # begin of the keys of arrays of strings


def save(obj, export_dir, signatures=None, options=None):
    """Writes an object, what it leads to, and the traces of its ``tf.function`` methods.

    Args:
        obj: Module, layer, model or another object that a Checkpoint takes.
        export_dir: str or path-like, a folder; it is made, and what was saved there is replaced.
        signatures: a function with an ``input_signature``, a trace, or a dict of them by names: what can be called by
            the names of tensors. None: the object's one function that was traced or has an ``input_signature``.

    Raises: ValueError for what cannot be saved: functions that call Python, methods of objects that are Python's alone.

    >>> class Doubling(tf.Module):
    ...     @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
    ...     def __call__(self, x):
    ...         return 2 * x
    >>> tf.saved_model.save(Doubling(), "doubling")
    >>> tf.saved_model.load("doubling")([1.0, 2.0]).numpy()
    array([2., 4.], dtype=float32)
    """
    if not isinstance(obj, Trackable):
        raise ValueError(f"saved_model.save: a Module, layer or model is expected, got {obj!r} of {type(obj).__name__}")
    saver = _Saver()
    saver.walk(obj)
    content = {
        "version": VERSION,
        "objects": saver.objects,
        "signatures": {name: saver.trace(f) for name, f in _signatures(obj, signatures).items()},
        "traces": saver.traces,
    }
    content["variables"] = saver.described_variables()  # traces may have more of them than objects
    folder = Path(os.fspath(export_dir))
    folder.mkdir(parents=True, exist_ok=True)
    safetensors.write(folder / FILE, saver.arrays(), {KEY: json.dumps(content, allow_nan=False)})


class _Saver:
    """Collects objects, traces and arrays."""

    def __init__(self):
        self.writer, self.objects, self.traces = Writer(self.trace), [], []
        self._numbers, self._traced, self._kept = {}, {}, []  # ids -> numbers; what the ids belong to

    def walk(self, value):
        """The number of an object, after it and what it leads to were added."""
        if id(value) in self._numbers:
            return self._numbers[id(value)]
        number = self._numbers[id(value)] = len(self.objects)
        self._kept.append(value)
        self.objects.append({})
        self.objects[number].update(self._described(value))
        return number

    def _described(self, value):
        if isinstance(value, Variable):
            return {"kind": "variable", "variable": self.writer.variable(value)}
        if isinstance(value, Tensor):
            return {"kind": "tensor", "constant": self.writer.constant(value)}
        if isinstance(value, Structured):
            return {"kind": "trace", "trace": self.trace(value)}
        if isinstance(value, dict):
            return {"kind": "dict", "parts": [[str(key), self.walk(x)] for key, x in value.items() if _is_kept(x)]}
        if isinstance(value, (list, tuple)):
            kind = "list" if isinstance(value, list) else "tuple"
            return {"kind": kind, "parts": [[i, self.walk(x)] for i, x in enumerate(value) if _is_kept(x)]}
        if isinstance(value, (Function, RestoredFunction)):
            return self._function(value)
        parts = [[str(name), self.walk(x)] for name, x in value._trackables().items() if _is_kept(x)]
        functions = [[name, self.walk(f)] for name, f in functions_of(value).items() if _concrete_functions(f)]
        return {"kind": "object", "name": getattr(value, "name", None), "parts": parts, "functions": functions}

    def _function(self, function):
        restored = isinstance(function, RestoredFunction)
        signature = function.__signature__ if restored else inspect.signature(function.python_function)
        first = 0 if restored else function.is_method  # ``self`` stays behind
        try:
            parameters = [self._parameter(p) for p in list(signature.parameters.values())[first:]]
        except TypeError as error:
            raise traces.CannotSave(f"function {function.__name__!r}: a default is {error}") from None
        kept = [self.trace(concrete) for concrete in _concrete_functions(function)]
        return {"kind": "function", "name": function.__name__, "parameters": parameters, "traces": kept}

    def _parameter(self, parameter):
        has_default = parameter.default is not parameter.empty
        default = self.writer.value(parameter.default, {}) if has_default else None
        return [parameter.name, parameter.kind.name, has_default, default]

    def trace(self, concrete):
        """The number of a ConcreteFunction."""
        if id(concrete) not in self._traced:
            self._kept.append(concrete)
            written = traces.to_json(concrete, self.writer)  # which writes those that it calls first
            self._traced[id(concrete)] = len(self.traces)
            self.traces.append(written)
        return self._traced[id(concrete)]

    def described_variables(self):
        return [[v.name.removesuffix(":0"), v.trainable, v.dtype.name] for v in self.writer.variables]

    def arrays(self):
        found = {f"variables/{i}": v.numpy() for i, v in enumerate(self.writer.variables)} | self.writer.arrays
        return dict(_as_numbers(key, np.asarray(array)) for key, array in found.items())


def _as_numbers(key, array):
    """An array of strings as the bytes of JSON."""
    if array.dtype != object:
        return key, array
    return _TEXTS + key, as_numbers(array)


def _is_kept(value):
    if isinstance(value, (list, tuple)):
        return any(map(_is_kept, value))
    if isinstance(value, dict):
        return any(map(_is_kept, value.values()))
    if isinstance(value, (Function, RestoredFunction)):
        return bool(_concrete_functions(value))
    return isinstance(value, (Variable, Trackable, Structured)) or (isinstance(value, Tensor) and not value.symbolic)


def functions_of(obj):
    """The ``tf.function`` methods of an object by their names."""
    if isinstance(obj, Restored):
        return obj.functions
    names = {name for cls in type(obj).__mro__ for name, x in vars(cls).items() if isinstance(x, Function)}
    return {name: getattr(obj, name) for name in sorted(names)}


def _concrete_functions(function):
    """The traces of a Function; of one with an ``input_signature`` the one for that."""
    if isinstance(function, RestoredFunction):
        return function.concrete_functions
    found = function.concrete_functions()
    if not found and function.input_signature is not None:
        found = [function.get_concrete_function()]
    return found


def _signatures(obj, given):
    """Names -> traces."""
    if given is None and (function := obj._default_function()) is not None:
        given = function
    if given is None:
        candidates = [traced[0] for f in functions_of(obj).values() if len(traced := _concrete_functions(f)) == 1]
        return {DEFAULT_SIGNATURE: candidates[0]} if len(candidates) == 1 and _may_be_called(candidates[0]) else {}
    found = {}
    for name, function in (given if isinstance(given, dict) else {DEFAULT_SIGNATURE: given}).items():
        traced = [function] if isinstance(function, Structured) else _traces_of_signature(name, function)
        named_outputs(traced[0].structured_outputs)
        found[name] = traced[0]
    return found


def _traces_of_signature(name, function):
    traced = _concrete_functions(function) if isinstance(function, (Function, RestoredFunction)) else []
    if len(traced) != 1:
        raise ValueError(
            f"saved_model.save: signature {name!r} must be a trace (f.get_concrete_function(...)) or a "
            f"tf.function with an input_signature or one trace, got {function!r} with {len(traced)} traces"
        )
    return traced


def _may_be_called(concrete):
    try:
        named_outputs(concrete.structured_outputs)
    except ValueError:
        return False
    return True


def contains_saved_model(export_dir):
    """Whether there is something in a folder that ``load`` can load."""
    return (Path(os.fspath(export_dir)) / FILE).is_file()


def load(export_dir, tags=None, options=None):
    """What ``save`` wrote: an object with the variables, which can be trained, the functions, and ``signatures``.

    Raises: OSError if there is nothing. DataLossError if the file is damaged; it says what of it. ValueError if a later
    version of microdl wrote it.
    """
    path = Path(os.fspath(export_dir)) / FILE
    if not path.is_file():
        raise OSError(f"SavedModel file does not exist at: {os.fspath(export_dir)} (no file {path})")
    arrays, metadata = safetensors.read(path, "saved_model.load")
    if KEY not in metadata:
        raise DataLossError(f"saved_model.load: {path} is no saved model: it holds arrays alone")
    content = json.loads(metadata[KEY])
    if content.get("version") != VERSION:
        raise ValueError(f"saved_model.load: {path} has version {content.get('version')}; this microdl reads {VERSION}")
    graph, context.graph = context.graph, None
    try:
        return _Loader(content, arrays).root()
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise DataLossError(f"saved_model.load: {path} holds what cannot be loaded: {error!r}") from error
    finally:
        context.graph = graph


class _Loader:
    def __init__(self, content, arrays):
        self._content, self._arrays = content, arrays
        variables = [
            Variable(self._array(f"variables/{i}"), trainable=trainable, name=name, dtype=dtype)
            for i, (name, trainable, dtype) in enumerate(content["variables"])
        ]
        self._reader = Reader(variables, self._constant, self._trace)
        self._constants, self._objects, self._traces = {}, {}, {}

    def root(self):
        loaded = self._object(0)
        loaded.signatures = {
            name: SignatureFunction(self._trace(number)) for name, number in self._content["signatures"].items()
        }
        return loaded

    def _array(self, key):
        return self._arrays[key] if key in self._arrays else as_strings(self._arrays[_TEXTS + key])

    def _constant(self, number):
        if number not in self._constants:
            array = self._array(f"constants/{number}")
            dtype = dtypes.string if array.dtype == object else dtypes.as_dtype(array.dtype)
            self._constants[number] = Tensor(Spec(array.shape, dtype), array)
        return self._constants[number]

    def _trace(self, number):
        if number not in self._traces:
            self._traces[number] = traces.from_json(self._content["traces"][number], self._reader)
        return self._traces[number]

    def _object(self, number):
        if number not in self._objects:
            described = self._content["objects"][number]
            make = functools.partial(getattr(self, f"_make_{described['kind']}"), number)
            made = make(described)
            self._objects[number] = made
        return self._objects[number]

    def _make_variable(self, number, described):
        return self._reader.variables[described["variable"]]

    def _make_tensor(self, number, described):
        return self._constant(described["constant"])

    def _make_trace(self, number, described):
        return self._trace(described["trace"])

    def _make_function(self, number, described):
        signature = as_signature(described["parameters"], lambda text: self._reader.value(text, {}))
        return RestoredFunction(described["name"], signature, list(map(self._trace, described["traces"])))

    def _make_dict(self, number, described):
        return {key: self._object(part) for key, part in described["parts"]}

    def _make_list(self, number, described):
        found = {place: self._object(part) for place, part in described["parts"]}
        return [found.get(i) for i in range(max(found) + 1)]

    def _make_tuple(self, number, described):
        return tuple(self._make_list(number, described))

    def _make_object(self, number, described):
        loaded = self._objects[number] = Restored(described["name"])
        for name, part in described["parts"]:
            value = self._object(part)
            if isinstance(value, RestoredFunction):
                loaded.functions[name] = value
            else:
                object.__setattr__(loaded, name, value)
        loaded.functions.update({name: self._object(part) for name, part in described["functions"]})
        return loaded
