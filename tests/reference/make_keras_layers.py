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


recurrent()
save("keras_layers.npz", cases, tensorflow=tf.__version__, keras=keras.__version__)
