"""Families of names, one table each: what every function gives for one call or a few."""

import importlib

import numpy as np

X = np.array([[0.5, -1.25, 2.0], [1.5, 0.25, -0.75]], np.float32)
Y = np.array([[1.0, 0.5, -2.0], [0.25, 3.0, 1.5]], np.float32)
POSITIVE = np.abs(X) + 0.5
UNIT = np.array([[0.1, 0.7, 0.2], [0.5, 0.25, 0.25]], np.float32)  # probabilities
CLASSES = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0]], np.float32)
NUMBERS = np.array([1, 2])
INTS = np.array([[3, -1, 2], [0, 5, 4]], np.int32)
BOOLS = np.array([[True, False, True], [False, False, True]])
IMAGES = np.linspace(-1, 1, 2 * 5 * 4 * 2, dtype=np.float32).reshape(2, 5, 4, 2)
FILTERS = np.linspace(0.5, -1, 2 * 3 * 2 * 3, dtype=np.float32).reshape(2, 3, 2, 3)


def _names(text):
    return text.split()


# name -> arguments; keywords in a dict at the end
OPS = {
    "all": (BOOLS, {"axis": 0}), "any": (BOOLS, {"axis": 1}), "amax": (X, {"axis": 0}), "amin": (X,), "max": (X, 1),
    "min": (X, 0), "append": (X, Y, {"axis": 0}), "arange": (2, 9, 3), "argmax": (X, {"axis": 1}), "argmin": (X, 0),
    "array": ([1, 2],), "average": (X, {"axis": 1, "weights": POSITIVE}), "broadcast_to": (X, (2, 2, 3)),
    "cast": (X, "int32"), "clip": (X, -1.0, 1.0), "concatenate": ([X, Y], 1), "convert_to_tensor": ([1.5],),
    "copy": (X,), "count_nonzero": (INTS, 1), "cumsum": (X, 1), "divide": (X, Y), "true_divide": (X, Y),
    "dot": (X, Y.T.copy()), "matmul": (X, Y.T.copy()), "outer": (X[0], Y[0]), "exp2": (X,), "expand_dims": (X, 1),
    "flip": (X, 1), "full": ((2, 2), 7.0), "full_like": (X, 3.0), "greater": (X, Y), "greater_equal": (X, Y),
    "less": (X, Y), "less_equal": (X, Y), "hstack": ([X, Y],), "vstack": ([X, Y],), "identity": (3,),
    "isclose": (X, X + 1e-7), "linspace": (0.0, 1.0, 5), "log10": (POSITIVE,), "log2": (POSITIVE,),
    "logaddexp": (X, Y), "logsumexp": (X, 1), "mean": (X, 0), "moments": (X, [0]), "moveaxis": (X, 0, 1),
    "norm": (X, {"axis": 1}), "normalize": (X,), "ones": ((2,),), "zeros": ((2,),), "pad": (X, ((1, 0), (0, 2))),
    "prod": (X, 1), "ravel": (X,), "repeat": (X, 2, 1), "reshape": (X, (3, 2)), "roll": (X, 1, 0), "round": (X,),
    "shape": (X,), "size": (X,), "slice": (X, (0, 1), (2, 2)), "split": (X, 3, 1), "squeeze": (X[:, None], 1),
    "stack": ([X, Y], 1), "std": (X, 0), "sum": (X, 1), "swapaxes": (X, 0, 1), "take": (X, NUMBERS, 1),
    "tanh": (X,), "tile": (X, (2, 1)), "transpose": (X,), "unstack": (X,), "var": (X, 1), "where": (BOOLS, X, Y),
    "stop_gradient": (X,), "convert_to_numpy": (X,), "get_item": (X, 1), "exp": (X,), "log": (POSITIVE,),
}  # fmt: skip
NN = {
    "relu": (X,), "relu6": (X * 5,), "elu": (X,), "selu": (X,), "gelu": (X,), "sigmoid": (X,), "silu": (X,),
    "swish": (X,), "softmax": (X,), "softplus": (X,), "softsign": (X,), "log_sigmoid": (X,), "log_softmax": (X,),
    "leaky_relu": (X, 0.3), "hard_sigmoid": (X,), "hard_silu": (X,), "hard_swish": (X,),
    "one_hot": (NUMBERS, 4), "binary_crossentropy": (CLASSES, UNIT), "categorical_crossentropy": (CLASSES, UNIT),
    "sparse_categorical_crossentropy": (NUMBERS, UNIT), "average_pool": (IMAGES, 2, {"strides": 1}),
    "max_pool": (IMAGES, 2, {"padding": "same"}), "conv": (IMAGES, FILTERS, {"padding": "same"}),
    "depthwise_conv": (IMAGES, FILTERS[..., :1],), "batch_normalization": (X, X[0], POSITIVE[0], 1),
    "dot_product_attention": (IMAGES, IMAGES, IMAGES),
}  # fmt: skip
LOSSES = _names("""
    binary_crossentropy binary_focal_crossentropy categorical_crossentropy categorical_focal_crossentropy
    categorical_hinge huber log_cosh mean_absolute_error mean_absolute_percentage_error mean_squared_error
    mean_squared_logarithmic_error poisson squared_hinge hinge cosine_similarity dice tversky
    sparse_categorical_crossentropy
""")
SCORES = _names("""
    binary_accuracy categorical_accuracy sparse_categorical_accuracy top_k_categorical_accuracy
    sparse_top_k_categorical_accuracy mean_squared_error poisson hinge squared_hinge binary_crossentropy
    categorical_crossentropy binary_focal_crossentropy categorical_focal_crossentropy huber log_cosh
    mean_absolute_error mean_absolute_percentage_error mean_squared_logarithmic_error categorical_hinge
    sparse_categorical_crossentropy
""")
SHORT = _names("""
    MSE mse MAE mae MAPE mape MSLE msle KLD kld logcosh kullback_leibler_divergence
""")
ACTIVATIONS = _names("""
    elu exponential gelu hard_sigmoid hard_silu hard_swish leaky_relu linear log_softmax mish relu6 selu sigmoid
    silu softmax softplus softsign sparsemax swish tanh relu
""")
BACKEND = {
    "all": (BOOLS, 0), "any": (BOOLS, 1), "argmax": (X, 1), "argmin": (X, 0), "batch_flatten": (IMAGES,),
    "binary_crossentropy": (CLASSES, UNIT), "categorical_crossentropy": (CLASSES, UNIT), "cast_to_floatx": (INTS,),
    "clip": (X, -1.0, 1.0), "concatenate": ([X, Y], 1), "constant": ([1.0, 2.0],), "elu": (X,), "epsilon": (),
    "flatten": (X,), "floatx": (), "greater": (X, Y),
    "greater_equal": (X, Y), "image_data_format": (), "int_shape": (X,), "less": (X, Y), "less_equal": (X, Y),
    "max": (X, 1), "mean": (X, 0), "min": (X, 0), "ndim": (X,), "one_hot": (NUMBERS, 4), "ones": ((2, 3),),
    "permute_dimensions": (X, (1, 0)), "prod": (X, 1), "softmax": (X,), "std": (X, 0),
    "sparse_categorical_crossentropy": (NUMBERS, UNIT), "sum": (X, 1), "tanh": (X,), "var": (X, 1),
    "zeros": ((2, 3),), "switch": (BOOLS, X, Y), "backend": (),
}  # fmt: skip


def _called(functions, table):
    """What functions give for the arguments of a table."""
    found = {}
    for name, given in table.items():
        options = given[-1] if given and isinstance(given[-1], dict) else {}
        found[name] = _plain(functions(name)(*given[: len(given) - bool(options)], **options))
    return found


def _plain(value):
    """Tensors and shapes as arrays and lists."""
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return np.asarray(value) if hasattr(value, "dtype") else value


def keras_ops(tf):
    return _called(lambda name: getattr(tf.keras.ops, name), OPS)


def keras_ops_nn(tf):
    return _called(lambda name: getattr(tf.keras.ops.nn, name), NN), _called(
        lambda name: getattr(tf.keras.ops, name), NN
    )


def keras_ops_that_call_functions(tf):
    ops = tf.keras.ops
    return _plain(
        [
            ops.cond(ops.convert_to_tensor(True), lambda: X, lambda: Y),
            ops.while_loop(lambda i: i < 5, lambda i: (i + 2,), (ops.convert_to_tensor(0),)),
            ops.map(lambda x: x * 2, ops.convert_to_tensor(X)),
        ]
    )


def _keras(library):
    """Keras 3 itself: TensorFlow's ``tf.keras`` lacks some of its names."""
    return importlib.import_module("keras") if library.__name__ == "tensorflow" else library.keras


def keras_losses_as_functions(tf):
    keras = _keras(tf)
    true = {"sparse_categorical_crossentropy": NUMBERS}
    return {name: _plain(getattr(keras.losses, name)(true.get(name, CLASSES), UNIT)) for name in LOSSES}


def keras_metrics_as_functions(tf):
    keras, found = _keras(tf), {}
    for name in SCORES:
        true = NUMBERS if name.startswith("sparse") else CLASSES
        options = {"k": 2} if "top_k" in name else {}
        found[name] = _plain(getattr(keras.metrics, name)(true, UNIT, **options))
    return found


def keras_short_names(tf):
    """The abbreviations, as Keras 3 resolves them."""
    losses = ["mae", "mse", "mape", "msle"]
    found = {name: type(tf.keras.losses.get(name)).__name__ for name in losses}
    metrics = {name: type(tf.keras.metrics.get(name)).__name__ for name in losses}
    return found, metrics


def keras_losses_by_short_names(tf):
    losses = {name: _plain(getattr(tf.keras.losses, name)(CLASSES, UNIT)) for name in SHORT}
    metrics = {name: _plain(getattr(tf.keras.metrics, name)(CLASSES, UNIT)) for name in SHORT if name != "KLD"}
    return losses, metrics


def keras_activations(tf):
    found = {name: _plain(getattr(tf.keras.activations, name)(tf.constant(X))) for name in ACTIVATIONS}
    names = [tf.keras.activations.serialize(tf.keras.activations.get(name)) for name in ("relu", "softmax", "tanh")]
    return found, names, _plain(tf.keras.activations.deserialize("relu")(tf.constant(X)))


def keras_constraints(tf):
    constraints, w = tf.keras.constraints, tf.constant(X * 3)
    made = {
        "MaxNorm": constraints.MaxNorm(1.5), "MinMaxNorm": constraints.MinMaxNorm(0.5, 1.5, 0.75),
        "NonNeg": constraints.NonNeg(), "UnitNorm": constraints.UnitNorm(axis=1), "max_norm": constraints.max_norm(2),
        "min_max_norm": constraints.min_max_norm(1.0, 2.0), "non_neg": constraints.non_neg(),
        "unit_norm": constraints.unit_norm(),
    }  # fmt: skip
    values = {name: _plain(one(w)) for name, one in made.items()}
    return values, {name: one.get_config() for name, one in made.items()}, type(constraints.get("non_neg")).__name__


def keras_regularizers(tf):
    regularizers = tf.keras.regularizers
    made = [regularizers.L1(0.1), regularizers.L2(0.2), regularizers.L1L2(0.1, 0.3), regularizers.l1(0.1)]
    made += [regularizers.l2(0.2), regularizers.l1_l2(0.1, 0.2), regularizers.OrthogonalRegularizer(0.3)]
    values = [_plain(one(tf.constant(X))) for one in made]
    return values, [one.get_config() for one in made], type(regularizers.get("l2")).__name__


keras_regularizers.tolerance = 1e-6


def keras_merging_functions(tf):
    layers, pair = tf.keras.layers, [tf.constant(X), tf.constant(Y)]
    names = ["add", "average", "concatenate", "maximum", "minimum", "multiply", "subtract"]
    return {name: _plain(getattr(layers, name)(pair)) for name in names}, _plain(layers.dot(pair, axes=1))


def keras_utils_functions(tf):
    utils = tf.keras.utils
    padded = (
        utils.pad_sequences([[1, 2], [3]], maxlen=3, padding="post"),
        utils.pad_sequences([[1, 2, 3], [4]], maxlen=2),
    )
    packed = utils.pack_x_y_sample_weight(1, 2), utils.unpack_x_y_sample_weight((1, 2, 3))
    return padded, packed, _plain(utils.normalize(X)), utils.standardize_dtype("float32"), utils.to_categorical([0, 2])


def keras_backend_functions(tf):
    def tensors(part):
        return (
            [tensors(x) for x in part]
            if isinstance(part, list)
            else tf.constant(part)
            if hasattr(part, "shape")
            else part
        )

    return _called(
        lambda name: getattr(tf.keras.backend, name), {name: tensors(list(x)) for name, x in BACKEND.items()}
    )


def debugging_assertions(tf):
    """What holds passes, what does not is an error of a class."""
    checks, found = tf.debugging, {}
    pairs = {
        "assert_equal": (X, X), "assert_none_equal": (X, X + 1), "assert_less": (X, X + 1),
        "assert_less_equal": (X, X), "assert_greater": (X + 1, X), "assert_greater_equal": (X, X),
        "assert_near": (X, X + 1e-9), "assert_rank": (X, 2), "assert_rank_at_least": (X, 1),
        "assert_rank_in": (X, (1, 2)), "assert_type": (tf.constant(X), tf.float32), "assert_positive": (POSITIVE,),
        "assert_negative": (-POSITIVE,), "assert_non_negative": (POSITIVE,), "assert_non_positive": (-POSITIVE,),
        "assert_integer": (tf.constant(INTS),), "assert_scalar": (1.0,), "assert_proper_iterable": ([1],),
        "assert_same_float_dtype": ([tf.constant(X)],), "assert_all_finite": (X, "message"),
        "check_numerics": (X, "message"), "is_numeric_tensor": (tf.constant(X),),
        "assert_shapes": ([(tf.constant(X), ("n", 3))],),
    }  # fmt: skip
    wrong = {
        "assert_equal": (X, Y), "assert_none_equal": (X, X), "assert_less": (X, X), "assert_less_equal": (X + 1, X),
        "assert_greater": (X, X), "assert_greater_equal": (X, X + 1), "assert_near": (X, Y), "assert_rank": (X, 3),
        "assert_rank_at_least": (X, 3), "assert_rank_in": (X, (1, 3)), "assert_type": (tf.constant(X), tf.int32),
        "assert_positive": (X,), "assert_negative": (X,), "assert_non_negative": (X,), "assert_non_positive": (X,),
        "assert_integer": (tf.constant(X),), "assert_scalar": (X,), "assert_all_finite": (np.full(2, np.inf),
        "message"),
        "check_numerics": (np.full(2, np.inf), "message"), "assert_shapes": ([(tf.constant(X), ("n", 4))],),
    }  # fmt: skip
    for name, given in pairs.items():
        result = getattr(checks, name)(*given)
        found[name] = result if isinstance(result, (bool, str)) else result is None
    for name, given in wrong.items():
        try:
            getattr(checks, name)(*given)
            found[f"{name}, wrong"] = "nothing"
        except Exception as error:
            found[f"{name}, wrong"] = type(error).__name__
    return found
