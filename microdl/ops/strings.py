"""Strings: joined, split, searched, turned into numbers and back. An element is a string of bytes, text is UTF-8."""

import re

import numpy as np

from microdl.core import dtypes
from microdl.core.constant import constant
from microdl.core.errors import InvalidArgumentError
from microdl.core.op import Spec, register_op
from microdl.core.shapes import normalize_axis
from microdl.core.tensor import Tensor, apply, convert
from microdl.ops.broadcast import broadcast_spec
from microdl.ops.checks import require_integer, require_number
from microdl.ops.printing import text_of


class _OfStrings:
    """Base of ops that make one element of one string; ``function`` gets the op's attributes and returns how."""

    inputs = ("input",)
    name = ""
    output = dtypes.string

    @classmethod
    def infer(cls, x, **attrs):
        if not x.dtype.is_string:
            raise InvalidArgumentError(f"{cls.name}: expected a string tensor, got {x.dtype.name} of shape {x.shape}")
        return Spec(x.shape, attrs.get("out_type", cls.output))

    @classmethod
    def run(cls, kernels, x, y, **attrs):
        kernels.text.each(cls.function(**attrs), x, y)

    @staticmethod
    def function(**attrs):
        raise NotImplementedError


@register_op("StringLower")
class _StringLower(_OfStrings):
    name = "StringLower"

    @staticmethod
    def function(encoding):
        return (lambda text: text.decode().lower().encode()) if encoding else bytes.lower


@register_op("StringUpper")
class _StringUpper(_OfStrings):
    name = "StringUpper"

    @staticmethod
    def function(encoding):
        return (lambda text: text.decode().upper().encode()) if encoding else bytes.upper


@register_op("StringStrip")
class _StringStrip(_OfStrings):
    name = "StringStrip"

    @staticmethod
    def function():
        return bytes.strip


@register_op("StringLength")
class _StringLength(_OfStrings):
    name, output = "StringLength", dtypes.int32

    @staticmethod
    def function(unit):
        return (lambda text: len(text.decode())) if unit == "UTF8_CHAR" else len


@register_op("RegexFullMatch")
class _RegexFullMatch(_OfStrings):
    name, output = "RegexFullMatch", dtypes.bool

    @staticmethod
    def function(pattern):
        compiled = _compiled("RegexFullMatch", pattern)
        return lambda text: compiled.fullmatch(text) is not None


@register_op("RegexReplace")
class _RegexReplace(_OfStrings):
    name = "RegexReplace"

    @staticmethod
    def function(pattern, rewrite, replace_global):
        compiled = _compiled("RegexReplace", pattern)
        template = re.sub(rb"\\(\d)", rb"\\g<\1>", rewrite)  # \0 is the whole match in TensorFlow, not in Python
        return lambda text: compiled.sub(template, text, count=0 if replace_global else 1)


@register_op("StringToNumber")
class _StringToNumber(_OfStrings):
    name = "StringToNumber"

    @staticmethod
    def function(out_type):
        return lambda text: _number(text, out_type)


def _compiled(op, pattern):
    try:
        return re.compile(pattern)
    except re.error as error:
        raise InvalidArgumentError(f"{op}: Invalid pattern: {pattern.decode()}, error: {error}") from None


def _number(text, dtype):
    plain = text.decode(errors="replace").strip()
    try:
        if "_" in plain:  # Python alone takes it for a digit's neighbour
            raise ValueError
        if dtype.is_floating:
            return float.fromhex(plain) if "x" in plain.lower() else float(plain)
        if dtype.min <= int(plain) <= dtype.max:
            return int(plain)
    except ValueError:
        pass
    raise InvalidArgumentError(
        f"StringToNumber: could not correctly convert string: {text.decode(errors='replace')} (to {dtype.name})"
    )


@register_op("AsString")
class _AsString:
    inputs = ("input",)

    @staticmethod
    def infer(x, style):
        return Spec(x.shape, dtypes.string)

    @staticmethod
    def run(kernels, x, y, style):
        if x.dtype.kind == "b":
            kernels.text.each(lambda value: b"true" if value else b"false", x, y)
        elif x.dtype.hasobject:
            kernels.text.each(bytes, x, y)
        else:
            kernels.text.each(lambda value: (style % value).encode(), x, y)


@register_op("StringJoin")
class _StringJoin:
    inputs = ("inputs*",)

    @staticmethod
    def infer(*inputs, separator):
        shapes = {spec.shape for spec in inputs if spec.shape}
        if len(shapes) > 1:
            listed = " vs. ".join(str(list(shape)) for shape in sorted(shapes))
            raise InvalidArgumentError(f"StringJoin: Input shapes do not match: {listed}; only scalars are repeated")
        return Spec(next(iter(shapes), ()), dtypes.string)

    @staticmethod
    def run(kernels, *arrays, separator):
        kernels.text.join(arrays[:-1], separator, arrays[-1])


@register_op("Substr")
class _Substr:
    inputs = ("input", "pos", "len")
    same_dtype = False

    @staticmethod
    def infer(x, position, length, unit):
        require_integer("Substr", position, length)
        return broadcast_spec("Substr", x, position, length, dtype=dtypes.string)

    @staticmethod
    def run(kernels, x, position, length, y, unit):
        try:
            kernels.text.substring(x, position, length, unit, y)
        except IndexError as error:
            raise InvalidArgumentError(f"Substr: {error}") from None


@register_op("StringFormat")
class _StringFormat:
    """One string: ``texts[0] inputs[0] texts[1] inputs[1] ...``."""

    inputs = ("inputs*",)
    same_dtype = False

    @staticmethod
    def infer(*inputs, texts, summarize):
        return Spec((), dtypes.string)

    @staticmethod
    def run(kernels, *arrays, texts, summarize):
        *inputs, y = arrays
        first, *others = texts
        pairs = zip(inputs, others, strict=True)
        y[()] = (first + "".join(text_of(x, summarize) + text for x, text in pairs)).encode()


def join(inputs, separator="", name=None):
    """The strings of several tensors of one shape, place by place, with ``separator`` between; scalars are repeated."""
    inputs = [convert(x, dtypes.string) for x in inputs]
    return apply("StringJoin", *inputs, separator=_bytes(separator)) if inputs else constant("")


def length(input, unit="BYTE", name=None):
    """The number of bytes of each string, or of characters with ``unit="UTF8_CHAR"``; int32."""
    return apply("StringLength", convert(input, dtypes.string), unit=_unit("length", unit))


def lower(input, encoding="", name=None):
    """Each string in lower case: its ASCII letters, or with ``encoding="utf-8"`` all letters."""
    return apply("StringLower", convert(input, dtypes.string), encoding=encoding)


def upper(input, encoding="", name=None):
    """Each string in upper case: its ASCII letters, or with ``encoding="utf-8"`` all letters."""
    return apply("StringUpper", convert(input, dtypes.string), encoding=encoding)


def strip(input, name=None):
    """Each string without the white space at its ends."""
    return apply("StringStrip", convert(input, dtypes.string))


def substr(input, pos, len, unit="BYTE", name=None):
    """``len`` bytes (or characters, with ``unit="UTF8_CHAR"``) of each string from ``pos`` on, with broadcasting.

    A negative ``pos`` counts from the end. Raises InvalidArgumentError if it lies outside of a string.
    """
    return apply("Substr", convert(input, dtypes.string), pos, len, unit=_unit("substr", unit))


def regex_full_match(input, pattern, name=None):
    """Whether each whole string matches the regular expression ``pattern``; bool."""
    return apply("RegexFullMatch", convert(input, dtypes.string), pattern=_bytes(pattern))


def regex_replace(input, pattern, rewrite, replace_global=True, name=None):
    """Each string with what matches ``pattern`` replaced by ``rewrite``, in which \\1 is the first group, \\0 all.

    replace_global: False replaces the first match alone.
    """
    attrs = {"pattern": _bytes(pattern), "rewrite": _bytes(rewrite), "replace_global": bool(replace_global)}
    return apply("RegexReplace", convert(input, dtypes.string), **attrs)


def to_number(input, out_type=dtypes.float32, name=None):
    """Each string as a number. Raises InvalidArgumentError for one that is none, or too large for ``out_type``."""
    out_type = dtypes.as_dtype(out_type)
    require_number("StringToNumber", Spec((), out_type))
    return apply("StringToNumber", convert(input, dtypes.string), out_type=out_type)


def as_string(input, precision=-1, scientific=False, shortest=False, width=-1, fill="", name=None):
    """Each number as text, in C's formats: %d for integers, %f for floats, %e if ``scientific``, %g if ``shortest``.

    precision: digits after the point, -1: 6. width: at least so many characters. fill: C's flag, "0" or "-" or " ".
    """
    x = convert(input)
    if scientific and shortest:
        raise ValueError("as_string: scientific and shortest exclude each other")
    kind = ("e" if scientific else "g" if shortest else "f") if x.dtype.is_floating else "d"
    style = f"%{fill}{width if width > -1 else ''}{f'.{precision}' if precision > -1 else ''}{kind}"
    return apply("AsString", x, style=style)


def format(template, inputs, placeholder="{}", summarize=3, name=None):
    """``template`` with each ``placeholder`` replaced by a tensor's text, as ``tf.print`` writes it."""
    inputs = inputs if isinstance(inputs, (list, tuple)) else [inputs]
    texts = tuple(template.split(placeholder))
    if len(texts) - 1 != len(inputs):
        raise ValueError(f"format: the template expects {len(texts) - 1} tensors, but inputs has {len(inputs)}")
    return apply("StringFormat", *map(convert, inputs), texts=texts, summarize=summarize)


def split(input, sep=None, maxsplit=-1, name=None):
    """The parts of each string between ``sep`` (None: white space), at most ``maxsplit`` + 1; a new last axis.

    Raises: ValueError if the strings have different numbers of parts, for which TensorFlow has ragged tensors.
    TypeError while a function is traced: the shape depends on the values.
    """
    x = convert(input, dtypes.string)
    if x.symbolic:
        raise TypeError("strings.split: the number of parts is not known while a function is traced; split outside")
    parts = [text.split(_bytes(sep) if sep else None, maxsplit) for text in x.known_array().ravel().tolist()]
    counts = {len(found) for found in parts}
    if len(counts) > 1:
        raise ValueError(
            f"strings.split: strings with {min(counts)} to {max(counts)} parts make no rectangular tensor, and there "
            "are no ragged ones; split one string at a time"
        )
    array = np.empty((len(parts), *counts), object)
    for row, found in zip(array, parts, strict=True):
        row[...] = found
    return _strings(array.reshape((*x.shape, *(counts or {0}))))


def bytes_split(input, name=None):
    """The bytes of one string, each a string; shape (length,)."""
    x = convert(input, dtypes.string)
    text = x.known_array().item() if not x.shape else None
    if text is None:
        raise ValueError(
            f"strings.bytes_split: one string is expected, got shape {x.shape}: there are no ragged tensors"
        )
    return _strings(np.array([text[i : i + 1] for i in range(len(text))], object))


def reduce_join(inputs, axis=None, keepdims=False, separator="", name=None):
    """The strings along ``axis`` (None: all, in order) joined into one, with ``separator`` between them."""
    x = convert(inputs, dtypes.string)
    kept = tuple(x.shape)
    if axis is None:
        x, axis = apply("Reshape", x, shape=(x.spec.size,)), 0
        kept = (1,) * len(kept)
    else:
        axis = normalize_axis("ReduceJoin", axis, x.ndim)
        kept = (*kept[:axis], 1, *kept[axis + 1 :])
    joined = join(apply("Unpack", x, axis=axis), separator) if x.shape[axis] else constant("", shape=x.shape[:axis])
    return apply("Reshape", joined, shape=kept) if keepdims else joined


def _strings(array):
    return Tensor(Spec(array.shape, dtypes.string), np.ascontiguousarray(array))


def _bytes(text):
    if hasattr(text, "known_array"):
        text = text.known_array().item()
    return text.encode() if isinstance(text, str) else bytes(text)


def _unit(function, unit):
    if unit not in ("BYTE", "UTF8_CHAR"):
        raise ValueError(f'strings.{function}: unit must be "BYTE" or "UTF8_CHAR", got {unit!r}')
    return unit
