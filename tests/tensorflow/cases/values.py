"""Tensors made of Python's values and NumPy's arrays: dtypes, reprs, conversions back, what is refused."""

import numpy as np


def python_values(tf):
    return [
        tf.constant(value) for value in (1, -3, 2.5, True, [1, 2], [1, 2.5], [[1.0], [2.0]], [True, False], 2**40, [])
    ]


def numpy_values(tf):
    kinds = (
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    )
    return [tf.constant(np.array([0, 1], kind)) for kind in kinds]


def reprs(tf):
    tensors = [
        tf.constant(1, tf.int8),
        tf.constant([1.0, 2.5]),
        tf.constant([[1, 2], [3, 4]]),
        tf.constant(True),
        tf.constant([[0.1, -2.0]], tf.float64),
        tf.zeros((0, 2)),
        tf.constant("text"),
        tf.constant(np.arange(8).reshape(2, 2, 2)),
        tf.constant(1e-20),
        tf.constant([1e10, 1.0]),
        tf.constant([np.nan, np.inf]),
    ]
    return [repr(x) for x in tensors]


def strs(tf):
    tensors = [
        tf.constant(7),
        tf.constant(2.0),
        tf.constant([1.5, 2.0]),
        tf.constant([[1, 2], [3, 4]], tf.int64),
        tf.constant(["a", "bc"]),
        tf.range(2000),
        tf.constant([[[True]]]),
    ]
    return [str(x) for x in tensors]


def formats(tf):
    x = tf.constant(3.14159)
    return [
        f"{x}",
        f"{x:.2f}",
        format(x, "5.4f"),
        f"{tf.constant(7):03d}",
        f"{tf.constant([1, 2])}",
        f"{tf.constant('a')}",
    ]


def format_of_a_vector_with_a_precision(tf):
    return format(tf.constant([1.0, 2.0]), "5.4f")


def dtypes_print(tf):
    names = ("float16", "float32", "float64", "int8", "uint8", "int32", "int64", "bool", "string")
    return [(str(getattr(tf, name)), repr(getattr(tf, name)), getattr(tf, name).name) for name in names]


def dtypes_know_their_kind(tf):
    kinds = (tf.float32, tf.int32, tf.uint8, tf.bool, tf.string)
    return [(d.is_floating, d.is_integer, d.is_bool, d.is_unsigned) for d in kinds]


def dtype_limits(tf):
    return [(d.min, d.max) for d in (tf.int8, tf.uint8, tf.int32, tf.int64)], [
        float(tf.float32.max),
        float(tf.float16.min),
    ]


def dtypes_equal(tf):
    pairs = [(tf.float32, "float32"), (tf.float32, np.float32), (tf.float64, float), (tf.int32, tf.int64)]
    return [a == b for a, b in pairs]


def as_dtype(tf):
    return [
        tf.as_dtype(given)
        for given in ("float32", np.float64, np.dtype("int8"), float, bool, "half", "double", "string")
    ]


def back_to_numpy(tf):
    return [
        tf.constant(1.5).numpy(),
        tf.constant([1, 2]).numpy(),
        tf.constant(True).numpy(),
        np.asarray(tf.constant([1.0])),
    ]


def back_to_python(tf):
    return [
        int(tf.constant(3)),
        float(tf.constant(2.5)),
        bool(tf.constant(0)),
        int(tf.constant(2.9)),
        list(range(5))[tf.constant(2)],
    ]


def lengths_and_iteration(tf):
    x = tf.constant([[1, 2], [3, 4], [5, 6]])
    return len(x), list(x), [int(v) for v in x[0]]


def length_of_a_scalar(tf):
    return len(tf.constant(1))


def iteration_over_a_scalar(tf):
    return list(tf.constant(1))


def truth_of_several(tf):
    return bool(tf.constant([True, False]))


def hash_of_a_tensor(tf):
    return hash(tf.constant(1))


def float_for_an_integer(tf):
    return tf.constant(1.5, tf.int32)


def string_for_a_number(tf):
    return tf.constant("a", tf.float32)


def number_for_a_string(tf):
    return tf.constant(1, tf.string)


def bool_for_a_float(tf):
    return tf.constant(True, tf.float32)


def too_large_for_int8(tf):
    return tf.constant(300, tf.int8)


def ragged_list(tf):
    return tf.constant([[1, 2], [3]])


def numbers_beside_lists(tf):
    return tf.constant([1, [2]])


def none(tf):
    return tf.constant(None)


def strings_and_numbers(tf):
    return tf.constant(["a", 1])


def shape_given(tf):
    return (
        tf.constant([1, 2, 3, 4], shape=(2, 2)),
        tf.constant(0.5, shape=[2, 3]),
        tf.constant([[1, 2.0]], shape=(1, 2)),
    )


def shape_that_does_not_fit(tf):
    return tf.constant([1, 2, 3], shape=(2, 2))


def conversion(tf):
    return tf.convert_to_tensor([1, 2]), tf.convert_to_tensor(2, tf.float32), tf.convert_to_tensor(np.float64(1))


def conversion_to_another_dtype(tf):
    return tf.convert_to_tensor(tf.constant(1.0), tf.float64)


def conversion_of_mixed_lists(tf):
    return tf.convert_to_tensor([tf.constant(1.0), 2.0]), tf.convert_to_tensor([[tf.constant(1), 2], [3, 4]])


def casts(tf):
    names = (
        "float16",
        "float32",
        "float64",
        "int8",
        "int16",
        "int32",
        "int64",
        "uint8",
        "uint16",
        "uint32",
        "uint64",
        "bool",
    )
    values = {"int8": [0, 1, 100], "bool": [True, False]}
    given = {name: tf.constant(np.array(values.get(name, [0, 1, 2, 100]), name)) for name in names}
    return {f"{a} to {b}": tf.cast(x, b) for a, x in given.items() for b in names}


def casts_of_fractions(tf):
    x = tf.constant([-2.7, -0.5, 0.0, 0.5, 2.7])
    return [tf.cast(x, dtype) for dtype in (tf.int32, tf.int8, tf.int64, tf.bool, tf.float64, tf.float16)]


def cast_of_a_string(tf):
    return tf.cast("1", tf.float32)


def cast_of_a_python_number(tf):
    return (
        tf.cast(1, tf.float32),
        tf.cast([1.9, -1.9], tf.int32),
        tf.cast(True, tf.int32),
        tf.cast(np.float64(2.5), "float32"),
    )


def shapes(tf):
    x = tf.zeros((2, 3, 4))
    return (
        x.shape,
        x.shape.rank,
        x.ndim,
        x.shape.num_elements(),
        x.get_shape(),
        x.shape[1],
        x.shape[1:],
        list(x.shape),
        len(x.shape),
    )


def shapes_as_text(tf):
    return (
        str(tf.zeros((2, 3)).shape),
        repr(tf.zeros((2, 3)).shape),
        repr(tf.constant(1).shape),
        repr(tf.zeros((2,)).shape),
    )


def shape_rank_and_size(tf):
    x = tf.zeros((2, 0, 4))
    return (
        tf.shape(x),
        tf.rank(x),
        tf.size(x),
        tf.shape(x, out_type=tf.int64),
        tf.size(5),
        tf.rank([[1]]),
        tf.shape([1, 2]),
    )


def shapes_equal(tf):
    return tf.zeros((2, 3)).shape == (2, 3), tf.zeros((2, 3)).shape == [2, 3], tf.TensorShape([2, None]).as_list()


def attributes_of_numpy(tf):
    return tf.constant([1.0, 2.0]).mean()


def item_assignment(tf):
    x = tf.constant([1.0, 2.0])
    x[0] = 3.0
    return x


def is_tensor(tf):
    return tf.is_tensor(tf.constant(1)), tf.is_tensor(tf.Variable(1)), tf.is_tensor(1), tf.is_tensor(np.ones(2))


def devices(tf):
    with tf.device("/cpu:0"):
        x = tf.constant(1.0)
    return x.device, tf.Variable(1.0).device, [d.name for d in tf.config.list_physical_devices("CPU")]


def device_without_such_a_name(tf):
    with tf.device("/foo:0"):
        return tf.constant(1.0)


def gpu_that_is_not_there(tf):
    with tf.device("/gpu:0"):
        return tf.identity(tf.constant(1.0)).device


def moved_to_a_gpu_that_is_not_there(tf):
    return tf.constant(1.0).gpu()


def moved_to_the_cpu(tf):
    return tf.constant(1.0).cpu()


def references(tf):
    a, b = tf.constant(1.0), tf.constant(1.0)
    return a.ref() == a.ref(), a.ref() == b.ref(), len({a.ref(), b.ref(), a.ref()}), a.ref().deref() is a


def dtypes_by_name(tf):
    return (
        tf.convert_to_tensor([1, 2], "float32"),
        tf.convert_to_tensor(1, "float32"),
        tf.convert_to_tensor(1.5, np.float64),
        tf.convert_to_tensor(np.array([1, 2]), dtype=np.float32),
        tf.convert_to_tensor(tf.constant(1.0), dtype="float32"),
        tf.convert_to_tensor(1, name="one"),
    )


def dtype_hints(tf):
    return [tf.convert_to_tensor(x, dtype_hint=tf.float64) for x in (1, [1.5], "text", tf.constant(1))]
