"""Freezes more layers of Keras in ``keras_layers.npz``. Run with a Python that has TensorFlow on a CPU.

A layer is described by its class name and the arguments of its ``__init__``; layers among these are described alike.
"""

import keras
import numpy as np
import tensorflow as tf
from frozen import Case, normal, save

cases = []


def described(class_name, **config):
    return {"class_name": class_name, "config": config}


def make(description):
    """The layer (or list of layers) that a description stands for; other values are themselves."""
    if isinstance(description, list):
        return [make(part) for part in description]
    if not isinstance(description, dict) or "class_name" not in description:
        return description
    config = {key: make(value) for key, value in description["config"].items()}
    return getattr(keras.layers, description["class_name"])(**config)


def freeze(name, layer, *inputs, terms=64, mask=None, states=None, as_list=False, calls=1, **call_options):
    """layer(*inputs) with weights drawn by name, and gradients for given output gradients.

    Args: as_list: inputs go into one list. states: initial states. calls: how often the layer is called before.
    """
    made = make(layer)
    inputs = [np.asarray(x) for x in inputs]
    sources = [tf.constant(x) for x in inputs]
    starts = [tf.constant(x) for x in states or []]
    options = dict(call_options)
    if mask is not None:
        options["mask"] = tf.constant(mask)
    if states:
        options["initial_state"] = starts

    def call():
        return made(sources, **options) if as_list else made(*sources, **options)

    call()
    weights = [normal(f"{name} weight{i}", w.shape) * 0.5 for i, w in enumerate(made.weights)]
    if isinstance(made, keras.layers.Normalization):
        weights = made.get_weights()
    if weights and not isinstance(made, keras.layers.Normalization):
        made.set_weights(weights)
    if getattr(made, "stateful", False):
        made.reset_states()
    for _ in range(calls - 1):
        call()
    watched = [x for x in [*sources, *starts] if x.dtype.is_floating]
    with tf.GradientTape() as tape:
        tape.watch(watched)
        outputs = tf.nest.flatten(call())
    upstream = [normal(f"{name} dy{i}", y.shape) for i, y in enumerate(outputs)]
    variables = [w.value for w in made.trainable_weights]
    floating = all(y.dtype.is_floating for y in outputs)
    gradients = tape.gradient(outputs, watched + variables, output_gradients=upstream) if floating else []
    arrays = {f"x{i}": x for i, x in enumerate(inputs)} | {f"state{i}": x for i, x in enumerate(states or [])}
    arrays |= {f"weight{i}": w for i, w in enumerate(weights)} | {f"upstream{i}": dy for i, dy in enumerate(upstream)}
    arrays |= {f"output{i}": y.numpy() for i, y in enumerate(outputs)}
    arrays |= {f"gradient{i}": tf.convert_to_tensor(g).numpy() for i, g in enumerate(gradients) if g is not None}
    if mask is not None:
        arrays["mask"] = mask
    kept = [key for key in arrays if key.startswith(("output", "gradient"))]
    options = {"layer": layer, "as_list": as_list, "calls": calls, "call": call_options, "states": len(states or [])}
    options["missing"] = [i for i, g in enumerate(gradients) if g is None]
    cases.append(Case(name, layer["class_name"], options, arrays, dict.fromkeys(kept, terms)))


SEQUENCES = normal("sequences", (3, 5, 4))
MASK = np.array([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1], [0, 1, 0, 1, 0]], bool)


def recurrent():
    for kind, count in (("SimpleRNN", 1), ("LSTM", 2), ("GRU", 1)):
        starts = [normal(f"{kind} state{i}", (3, 2)) for i in range(count)]
        for label, options in (
            ("", {}),
            ("sequences", {"return_sequences": True}),
            ("states", {"return_sequences": True, "return_state": True}),
            ("backwards", {"return_sequences": True, "go_backwards": True}),
            ("unrolled", {"unroll": True, "return_state": True}),
            ("relu", {"activation": "relu", "return_sequences": True, "use_bias": False}),
            ("zeros", {"return_sequences": True, "zero_output_for_mask": True}),
        ):
            layer = described(kind, units=2, **options)
            freeze(f"{kind} {label}", layer, SEQUENCES, terms=200)
            freeze(f"{kind} {label} masked", layer, SEQUENCES, terms=200, mask=MASK)
            freeze(f"{kind} {label} started", layer, SEQUENCES, terms=200, states=starts, mask=MASK)
        freeze(f"{kind} stateful", described(kind, units=2, stateful=True), SEQUENCES, terms=200, calls=3)
        both = described("Bidirectional", layer=described(kind, units=2, return_sequences=True, return_state=True))
        freeze(f"Bidirectional {kind} states", both, SEQUENCES, terms=200, mask=MASK)
        cell = described(f"{kind}Cell", units=2)
        freeze(
            f"RNN of {kind}Cell", described("RNN", cell=cell, return_sequences=True), SEQUENCES, terms=200, mask=MASK
        )
    for reset_after in (False, True):
        for activation in ("tanh", "relu"):
            layer = described("GRU", units=2, reset_after=reset_after, activation=activation)
            freeze(f"GRU reset_after {reset_after} {activation}", layer, SEQUENCES, terms=200)
    plain = described("LSTM", units=2, unit_forget_bias=False, recurrent_activation="hard_sigmoid")
    freeze("LSTM hard_sigmoid", plain, SEQUENCES, terms=200)
    cells = [described("LSTMCell", units=2), described("GRUCell", units=3), described("SimpleRNNCell", units=2)]
    stacked = described("RNN", cell=cells, return_sequences=True)
    freeze("RNN stacked", stacked, SEQUENCES, terms=400)
    freeze("RNN stacked masked", stacked, SEQUENCES, terms=400, mask=MASK)
    for merge_mode in ("concat", "sum", "mul", "ave", None):
        for sequences in (False, True):
            layer = described("GRU", units=2, return_sequences=sequences)
            layer = described("Bidirectional", layer=layer, merge_mode=merge_mode)
            freeze(f"Bidirectional {merge_mode} {sequences}", layer, SEQUENCES, terms=200)
            freeze(f"Bidirectional {merge_mode} {sequences} masked", layer, SEQUENCES, terms=200, mask=MASK)
    backward = described("LSTM", units=3, return_sequences=True, go_backwards=True)
    forward = described("GRU", units=2, return_sequences=True)
    layer = described("Bidirectional", layer=forward, backward_layer=backward)
    freeze("Bidirectional of two kinds", layer, SEQUENCES, terms=200)
    freeze("TimeDistributed Dense", described("TimeDistributed", layer=described("Dense", units=3)), SEQUENCES)
    image = normal("frames", (2, 3, 6, 5, 2))
    layer = described("TimeDistributed", layer=described("Conv2D", filters=3, kernel_size=3))
    freeze("TimeDistributed Conv2D", layer, image)


def embedding_and_masks():
    words = np.array([[3, 0, 1, 1], [0, 2, 4, 0]], np.int32)
    freeze("Embedding", described("Embedding", input_dim=5, output_dim=3), words)
    freeze("Embedding mask_zero", described("Embedding", input_dim=5, output_dim=3, mask_zero=True), words)
    padded = np.where(MASK[..., None], SEQUENCES, 0)
    freeze("Masking", described("Masking"), padded)
    freeze("Softmax masked", described("Softmax"), normal("rows", (3, 5)), mask=MASK)
    freeze("Softmax of two axes", described("Softmax", axis=[1, 2]), SEQUENCES)
    freeze("GlobalAveragePooling1D masked", described("GlobalAveragePooling1D"), SEQUENCES, mask=MASK)


def normalizations():
    image = normal("normalized", (2, 4, 3, 6))
    for label, axis in (("-1", -1), ("1", 1), ("1 and 3", [1, 3]), ("all", [1, 2, 3])):
        freeze(f"LayerNormalization {label}", described("LayerNormalization", axis=axis), image, terms=400)
        if label in ("-1", "all"):
            freeze(f"RMSNormalization {label}", described("RMSNormalization", axis=axis), image, terms=400)
        freeze(f"UnitNormalization {label}", described("UnitNormalization", axis=axis), image, terms=100)
    plain = described("LayerNormalization", center=False, scale=False, epsilon=1e-5)
    freeze("LayerNormalization plain", plain, image, terms=400)
    for groups in (1, 2, 6, -1):
        freeze(f"GroupNormalization {groups}", described("GroupNormalization", groups=groups), image, terms=400)
    freeze("GroupNormalization axis 1", described("GroupNormalization", groups=2, axis=1), image, terms=400)


def merging():
    a, b, c = (normal(f"merged {k}", (3, 4, 5)) for k in "abc")
    vector, column = normal("vector", (3, 5)), normal("column", (3, 4, 1))
    for kind in ("Add", "Multiply", "Average", "Maximum", "Minimum"):
        freeze(f"{kind} of three", described(kind), a, b, c, as_list=True)
        freeze(f"{kind} broadcast", described(kind), a, column, vector, as_list=True)
    freeze("Subtract", described("Subtract"), a, b, as_list=True)
    for axis in (-1, 1):
        freeze(f"Concatenate {axis}", described("Concatenate", axis=axis), a, b, c, as_list=True)
    for axes, other in (
        (2, b),
        ([1, 2], normal("transposed", (3, 6, 4))),
        (-1, vector),
        (1, normal("tall", (3, 4, 2))),
    ):
        for normalize in (False, True):
            layer = described("Dot", axes=axes, normalize=normalize)
            freeze(f"Dot {axes} {normalize} {other.shape}", layer, a, other, as_list=True)
    freeze("Dot of vectors", described("Dot", axes=1), vector, normal("other vector", (3, 5)), as_list=True)


def shapes():
    image = normal("image", (2, 5, 6, 3))
    for padding in (1, 2, [1, 2]):
        freeze(f"ZeroPadding1D {padding}", described("ZeroPadding1D", padding=padding), SEQUENCES)
        freeze(f"ZeroPadding2D {padding}", described("ZeroPadding2D", padding=padding), image)
        freeze(f"Cropping1D {padding}", described("Cropping1D", cropping=padding), SEQUENCES)
        freeze(f"Cropping2D {padding}", described("Cropping2D", cropping=padding), image)
    freeze("ZeroPadding2D pairs", described("ZeroPadding2D", padding=[[1, 0], [0, 2]]), image)
    freeze("Cropping2D pairs", described("Cropping2D", cropping=[[1, 0], [0, 2]]), image)
    freeze("UpSampling1D", described("UpSampling1D", size=3), SEQUENCES)
    for size in (2, [3, 1]):
        for interpolation in ("nearest", "bilinear"):
            layer = described("UpSampling2D", size=size, interpolation=interpolation)
            freeze(f"UpSampling2D {size} {interpolation}", layer, image)
    for height, width in ((5, 6), (10, 9), (3, 4), (7, 2)):
        for interpolation in ("bilinear", "nearest"):
            layer = described("Resizing", height=height, width=width, interpolation=interpolation)
            freeze(f"Resizing {height} {width} {interpolation}", layer, image)
    freeze("Permute", described("Permute", dims=[3, 1, 2]), image)
    freeze("RepeatVector", described("RepeatVector", n=4), normal("repeated", (3, 2)))
    freeze("Flatten channels_first", described("Flatten", data_format="channels_first"), image)
    freeze("Identity", described("Identity"), image)
    freeze("PReLU", described("PReLU"), image)
    freeze("PReLU shared", described("PReLU", shared_axes=[1, 2]), image)
    freeze("ActivityRegularization", described("ActivityRegularization", l1=0.5), image)


def convolutions():
    image, steps = normal("convolved image", (2, 8, 7, 4)), normal("convolved steps", (2, 9, 4))
    for strides, dilation_rate in ((1, 1), (2, 1), (3, 1), (1, 2)):
        label = f"strides {strides} dilation {dilation_rate}"
        window = {"kernel_size": 3, "strides": strides, "dilation_rate": dilation_rate}
        for padding in ("valid", "same", "causal"):
            options = {**window, "padding": padding}
            freeze(f"Conv1D {label} {padding}", described("Conv1D", filters=5, **options), steps, terms=200)
            if padding == "causal":
                continue
            freeze(
                f"SeparableConv1D {label} {padding}",
                described("SeparableConv1D", filters=5, **options),
                steps,
                terms=400,
            )
            freeze(
                f"Conv1DTranspose {label} {padding}",
                described("Conv1DTranspose", filters=5, **options),
                steps,
                terms=200,
            )
            freeze(
                f"Conv2DTranspose {label} {padding}",
                described("Conv2DTranspose", filters=3, **options),
                image,
                terms=400,
            )
            freeze(f"DepthwiseConv1D {label} {padding}", described("DepthwiseConv1D", **options), steps, terms=200)
            layer = described("SeparableConv2D", filters=5, depth_multiplier=2, **options)
            freeze(f"SeparableConv2D {label} {padding}", layer, image, terms=400)
    for padding in ("valid", "same"):
        layer = described("Conv2DTranspose", filters=2, kernel_size=[3, 4], strides=[2, 3], padding=padding)
        freeze(f"Conv2DTranspose oblong {padding}", layer, image, terms=400)
        layer = described(
            "Conv2DTranspose", filters=2, kernel_size=3, strides=2, padding=padding, output_padding=1, activation="relu"
        )
        freeze(f"Conv2DTranspose output_padding {padding}", layer, image, terms=400)
        freeze(
            f"Conv2D groups {padding}",
            described("Conv2D", filters=6, kernel_size=3, groups=2, padding=padding),
            image,
            terms=400,
        )
        freeze(
            f"Conv1D groups {padding}",
            described("Conv1D", filters=4, kernel_size=2, groups=4, padding=padding),
            steps,
            terms=200,
        )
        for kind in ("MaxPooling1D", "AveragePooling1D"):
            for size, strides in ((2, None), (3, 2), (2, 3)):
                layer = described(kind, pool_size=size, strides=strides, padding=padding)
                freeze(f"{kind} {size} {strides} {padding}", layer, steps)
    for kind in ("GlobalMaxPooling1D", "GlobalAveragePooling1D"):
        for keepdims in (False, True):
            freeze(f"{kind} {keepdims}", described(kind, keepdims=keepdims), steps)
    freeze("GlobalMaxPooling2D keepdims", described("GlobalMaxPooling2D", keepdims=True), image)


def attention():
    query, value, key = normal("query", (2, 3, 4)), normal("value", (2, 5, 4)), normal("key", (2, 5, 4))
    for kind in ("Attention", "AdditiveAttention"):
        for label, options in (("", {"use_scale": False}), ("scaled", {"use_scale": True})):
            layer = described(kind, **options)
            freeze(f"{kind} {label}", layer, query, value, as_list=True)
            freeze(f"{kind} {label} key", layer, query, value, key, as_list=True)
            freeze(f"{kind} {label} causal", layer, value, key, as_list=True, use_causal_mask=True)
            freeze(f"{kind} {label} scores", layer, query, value, as_list=True, return_attention_scores=True)
    for use_scale in (False, True):
        layer = described("Attention", score_mode="concat", use_scale=use_scale)
        freeze(f"Attention concat {use_scale}", layer, query, value, key, as_list=True)
    wide = normal("wide", (2, 5, 6))
    for label, options in (
        ("", {}),
        ("without bias", {"use_bias": False}),
        ("value_dim", {"value_dim": 3, "output_shape": 7}),
    ):
        layer = described("MultiHeadAttention", num_heads=2, key_dim=3, **options)
        freeze(f"MultiHeadAttention {label}", layer, query, wide, terms=400)
        freeze(f"MultiHeadAttention {label} key", layer, query, wide, key, terms=400)
        freeze(f"MultiHeadAttention {label} causal", layer, value, value, terms=400, use_causal_mask=True)
        freeze(f"MultiHeadAttention {label} scores", layer, query, wide, terms=400, return_attention_scores=True)
    for equation, output_shape, bias_axes, shape in (
        ("ab,bc->ac", 5, "c", (2, 3)),
        ("abc,cd->abd", [None, 5], "d", (2, 4, 3)),
        ("abc,cde->abde", [None, 2, 3], "de", (2, 4, 3)),
        ("abde,dec->abc", [None, 5], "c", (2, 4, 3, 2)),
        ("...x,xy->...y", 5, "y", (2, 4, 2, 3)),
        ("ab...,bc->ac...", 5, None, (2, 3, 4)),
        ("abc,bcd->abd", [4, 5], None, (2, 4, 3)),
    ):
        layer = described("EinsumDense", equation=equation, output_shape=output_shape, bias_axes=bias_axes)
        freeze(f"EinsumDense {equation}", layer, normal("einsum", shape))


def preprocessing():
    image = normal("preprocessed", (2, 4, 3, 2))
    freeze("Rescaling", described("Rescaling", scale=0.5, offset=-1.0), image)
    freeze("Rescaling of channels", described("Rescaling", scale=[0.5, 2.0], offset=[1.0, 0.0]), image)
    freeze("Rescaling of integers", described("Rescaling", scale=1 / 255), np.arange(12, dtype=np.uint8).reshape(3, 4))
    for invert in (False, True):
        layer = described("Normalization", mean=[0.5, 1.0], variance=[4.0, 2.0], invert=invert)
        freeze(f"Normalization {invert}", layer, image)
    freeze("Normalization of all", described("Normalization", axis=None, mean=0.5, variance=4.0), image)
    words = np.array([[3, 0, 1, 1], [0, 2, 4, 0]], np.int32)
    for mode in ("multi_hot", "count"):
        freeze(f"CategoryEncoding {mode}", described("CategoryEncoding", num_tokens=6, output_mode=mode), words)
    layer = described("CategoryEncoding", num_tokens=6, output_mode="one_hot")
    freeze("CategoryEncoding one_hot", layer, np.array([2, 5, 0], np.int32))
    freeze("CategoryEncoding one_hot of columns", layer, np.array([[2], [5]], np.int32))


recurrent()
embedding_and_masks()
normalizations()
merging()
shapes()
convolutions()
attention()
preprocessing()
save("keras_layers.npz", cases, tensorflow=tf.__version__, keras=keras.__version__)
