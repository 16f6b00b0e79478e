"""Data types: names, what equals what, limits. Facts about TensorFlow were checked with TensorFlow 2.21."""

import copy
import pickle

import numpy as np
import pytest

import microdl as tf
from microdl.core import dtypes

NAMES = ["float16", "float32", "float64", "int8", "int16", "int32", "int64"]
NAMES += ["uint8", "uint16", "uint32", "uint64", "bool"]
every = pytest.mark.parametrize("name", NAMES)


@every
def test_each_type_is_found_by_its_name_and_by_numpys(name):
    dtype = getattr(dtypes, name)
    for given in (dtype, name, np.dtype(name), np.dtype(name).type):
        assert dtypes.as_dtype(given) is dtype


@every
def test_each_type_describes_itself_as_numpy_does(name):
    dtype, numpy = getattr(tf, name), np.dtype(name)
    assert (dtype.name, dtype.size, dtype.as_numpy_dtype) == (name, numpy.itemsize, numpy.type)
    kinds = (dtype.is_floating, dtype.is_integer, dtype.is_unsigned, dtype.is_bool)
    assert kinds == tuple(numpy.kind in kind for kind in ("f", "iu", "u", "b"))
    assert dtype.base_dtype is dtype


@every
def test_types_print_as_in_tensorflow(name):
    dtype = getattr(tf, name)
    assert (repr(dtype), str(dtype), f"{dtype}") == (f"tf.{name}", f"<dtype: '{name}'>", f"<dtype: '{name}'>")


@every
def test_copies_and_pickles_are_the_same_object(name):
    dtype = getattr(tf, name)
    assert pickle.loads(pickle.dumps(dtype)) is copy.copy(dtype) is copy.deepcopy(dtype) is dtype


def test_python_types_mean_what_they_mean_in_tensorflow():
    assert tf.as_dtype(float) is tf.float32
    assert tf.as_dtype(bool) is tf.bool
    assert tf.as_dtype("float") is tf.float32
    assert (tf.as_dtype("half"), tf.as_dtype("double")) == (tf.float16, tf.float64)
    assert (dtypes.half, dtypes.double) == (tf.float16, tf.float64)


@pytest.mark.parametrize("given", [None, "nope", 3, 2.5, [], {}, list, "complex64", np.dtype("M8[s]")])
def test_what_is_no_type_is_refused(given):
    with pytest.raises(TypeError) as raised:
        tf.as_dtype(given)
    assert str(raised.value) == f"cannot interpret {given!r} as a dtype; there are: {', '.join(NAMES)}, string"


@pytest.mark.parametrize("given", ["string", str, bytes, object, np.object_, np.dtype("S3"), np.dtype("U")])
def test_what_holds_text_is_a_string(given):
    assert tf.as_dtype(given) is tf.string
    assert (repr(tf.string), str(tf.string)) == ("tf.string", "<dtype: 'string'>")
    assert (tf.string.as_numpy_dtype, tf.string.is_floating, tf.string.is_integer) == (np.object_, False, False)
    with pytest.raises(TypeError, match="string has no smallest"):
        print(tf.string.min)


def test_types_equal_names_and_numpy_types():
    assert tf.float32 == "float32"
    assert tf.float32 == np.float32
    assert tf.float32 == np.dtype("float32")
    assert np.dtype("float32") == tf.float32
    assert tf.float32 == float
    assert tf.bool == bool


def test_types_differ_from_everything_else():
    for other in (None, "nope", "float64", tf.float64, np.float64, 3, [], tf.int32):
        assert tf.float32 != other


def test_types_are_keys():
    table = {tf.float32: 1, tf.int8: 2}
    assert (table[tf.as_dtype("float32")], table[tf.int8]) == (1, 2)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "bool"])
def test_limits_are_numpys(name):
    dtype, info = getattr(tf, name), (np.finfo if name.startswith("f") else np.iinfo)(name)
    assert (dtype.min, dtype.max) == (info.min, info.max)


@pytest.mark.parametrize("which", ["min", "max"])
def test_bool_has_no_limits(which):
    with pytest.raises(TypeError, match=r"^bool has no smallest and largest value$"):
        getattr(tf.bool, which)


def test_types_cannot_be_changed_by_accident():
    with pytest.raises(AttributeError):
        tf.float32.nickname = "single"
