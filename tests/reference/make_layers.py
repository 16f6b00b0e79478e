"""Freezes layers, losses and metrics of Keras in ``layers.npz``. Run with a Python that has TensorFlow on a CPU."""

import keras
import numpy as np
import tensorflow as tf
from frozen import Case, normal, save

cases = []


def freeze_layer(name, kind, x, terms, weights=(), training=None, steps=1, **config):
    """layer(x) with given weights, gradients for a given output_gradient, and the weights after ``steps`` calls.

    With several steps the inputs are x0, x1, ..., the outputs and gradients those of the last.
    """
    layer = getattr(keras.layers, kind)(**config)
    layer.build(x.shape)
    weights = [np.asarray(w, np.float32) for w in weights]
    layer.set_weights(weights)
    arrays = {f"weight{i}": w for i, w in enumerate(weights)}
    for step in range(steps):
        inputs = x if step == 0 else normal(f"{name}{step}", x.shape) * (step + 1) + step
        source = tf.constant(inputs)
        with tf.GradientTape() as tape:
            tape.watch(source)
            y = layer(source) if training is None else layer(source, training=training)
        arrays |= {f"x{step}": inputs, "output": y.numpy()}
        arrays["output_gradient"] = normal(f"{name} dy", y.shape)
        sources = {"d_x": source} | {f"d_weight{i}": w.value for i, w in enumerate(layer.trainable_weights)}
        gradients = tape.gradient(y, sources, output_gradients=tf.constant(arrays["output_gradient"]))
        arrays |= {key: gradient.numpy() for key, gradient in gradients.items()}
    arrays |= {f"after{i}": w for i, w in enumerate(layer.get_weights())}
    outputs = [key for key in arrays if key == "output" or key.startswith(("d_", "after"))]
    options = {"config": config, "training": training, "steps": steps}
    cases.append(Case(name, f"keras.layers.{kind}", options, arrays, dict.fromkeys(outputs, terms)))


def layers():
    flat, image = normal("flat", (5, 7)), normal("image", (2, 7, 6, 3))
    for activation in (None, "relu", "softmax", "tanh"):
        weights = [normal("kernel", (7, 4)), normal("bias", (4,))]
        freeze_layer(f"Dense {activation}", "Dense", flat, 24, weights, units=4, activation=activation)
    freeze_layer("Dense without bias", "Dense", flat, 16, [normal("kernel", (7, 4))], units=4, use_bias=False)
    freeze_layer("Dense on 3-D", "Dense", normal("3-D", (2, 3, 7)), 24, weights, units=4)
    for padding in ("same", "valid"):
        for strides in (1, 2):
            label = f"{padding} strides {strides}"
            options = {"kernel_size": 3, "strides": strides, "padding": padding}
            weights = [normal(f"{label} kernel", (3, 3, 3, 5)), normal("bias", (5,))]
            freeze_layer(f"Conv2D {label}", "Conv2D", image, 96, weights, filters=5, activation="relu", **options)
            weights = [normal(f"{label} depthwise", (3, 3, 3, 2)), normal("bias", (6,))]
            freeze_layer(
                f"DepthwiseConv2D {label}", "DepthwiseConv2D", image, 96, weights, depth_multiplier=2, **options
            )
        weights = [normal("dilated", (3, 2, 3, 4)), normal("bias", (4,))]
        options = {"filters": 4, "kernel_size": [3, 2], "dilation_rate": 2, "padding": padding}
        freeze_layer(f"Conv2D {padding} dilated", "Conv2D", image, 96, weights, **options)
        for kind in ("MaxPooling2D", "AveragePooling2D"):
            for size, strides in ((2, None), (3, 2), ([2, 3], [1, 2])):
                options = {"pool_size": size, "strides": strides, "padding": padding}
                freeze_layer(f"{kind} {size} {strides} {padding}", kind, image, 16, **options)
    freeze_layer("GlobalAveragePooling2D", "GlobalAveragePooling2D", image, 42)
    freeze_layer("GlobalAveragePooling2D keepdims", "GlobalAveragePooling2D", image, 42, keepdims=True)
    freeze_layer("Flatten", "Flatten", image, 1)
    freeze_layer("Reshape", "Reshape", image, 1, target_shape=[6, -1])
    freeze_layer("LeakyReLU", "LeakyReLU", flat, 1, negative_slope=0.1)
    freeze_layer("ReLU", "ReLU", flat, 1, max_value=1.0)
    freeze_layer("Softmax", "Softmax", flat, 16)
    # Statistics over 84 values, then a division by a deviation of at least a half: about four times 84 roundings.
    weights = [1 + normal("gamma", (3,)) / 8, normal("beta", (3,)), normal("mean", (3,)), 1 + normal("mean", (3,)) ** 2]
    for momentum, epsilon in ((0.99, 1e-3), (0.5, 1e-5)):
        options = {"momentum": momentum, "epsilon": epsilon, "terms": 336}
        label = f"BatchNormalization momentum {momentum}"
        freeze_layer(label, "BatchNormalization", image, weights=weights, training=True, steps=3, **options)
        freeze_layer(f"{label} inference", "BatchNormalization", image, weights=weights, training=False, **options)
    options = {"training": True, "center": False, "scale": False, "terms": 40}
    freeze_layer(
        "BatchNormalization plain 2-D", "BatchNormalization", flat, weights=[np.zeros(7), np.ones(7)], **options
    )


def freeze_loss(name, kind, y_true, y_pred, sample_weight=None, terms=64, **config):
    """loss(y_true, y_pred, sample_weight) and its gradient to y_pred (of the sum, where the loss is not a scalar)."""
    y_true, y_pred = np.asarray(y_true), np.asarray(y_pred, np.float32)
    loss = getattr(keras.losses, kind)(**config)
    source = tf.constant(y_pred)
    with tf.GradientTape() as tape:
        tape.watch(source)
        value = loss(y_true, source, sample_weight)
    arrays = {"y_true": y_true, "y_pred": y_pred, "value": value.numpy()}
    arrays["d_y_pred"] = tape.gradient(value, source).numpy()
    if sample_weight is not None:
        arrays["sample_weight"] = sample_weight
    outputs = {"value": terms, "d_y_pred": terms}
    cases.append(Case(name, f"keras.losses.{kind}", {"config": config}, arrays, outputs))


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


LOGITS = normal("loss logits", (6, 5)) * 2
LABELS = np.array([0, 4, 2, 2, 1, 3], np.int32)
ONE_HOT = np.eye(5, dtype=np.float32)[LABELS]
WEIGHT = np.array([1, 0, 2, 0.5, 1, 3], np.float32)


def losses():
    probabilities = softmax(LOGITS)
    unsure = probabilities.copy()
    unsure[0], unsure[1] = ONE_HOT[0], 1 - ONE_HOT[1]  # a certain hit and an impossible label: clipped
    for reduction in ("sum_over_batch_size", "sum", None, "mean_with_sample_weight"):
        options = {"reduction": reduction}
        for weight in (None, WEIGHT):
            label = f"{reduction}{' weighted' if weight is not None else ''}"
            kind = "SparseCategoricalCrossentropy"
            freeze_loss(f"{kind} logits {label}", kind, LABELS, LOGITS, weight, from_logits=True, **options)
            freeze_loss(f"{kind} {label}", kind, LABELS, probabilities, weight, **options)
            freeze_loss(f"MeanSquaredError {label}", "MeanSquaredError", ONE_HOT, LOGITS, weight, **options)
    kind = "SparseCategoricalCrossentropy"
    freeze_loss(f"{kind} column of labels", kind, LABELS[:, None], probabilities)
    freeze_loss(f"{kind} clipped", kind, LABELS, unsure, reduction=None)
    freeze_loss(f"{kind} unnormalized", kind, LABELS, probabilities * 2)
    freeze_loss(f"{kind} ignore_class", kind, LABELS, LOGITS, from_logits=True, ignore_class=2)
    freeze_loss(f"{kind} 3-D", kind, LABELS.reshape(2, 3), LOGITS.reshape(2, 3, 5), from_logits=True)
    for smoothing in (0.0, 0.1):
        for from_logits in (False, True):
            options = {"label_smoothing": smoothing, "from_logits": from_logits}
            label = f"smoothing {smoothing} from_logits={from_logits}"
            given = LOGITS if from_logits else probabilities
            freeze_loss(f"CategoricalCrossentropy {label}", "CategoricalCrossentropy", ONE_HOT, given, **options)
            given = LOGITS if from_logits else 1 / (1 + np.exp(-LOGITS))
            freeze_loss(f"BinaryCrossentropy {label}", "BinaryCrossentropy", ONE_HOT, given, WEIGHT, **options)
    freeze_loss("CategoricalCrossentropy clipped", "CategoricalCrossentropy", ONE_HOT, unsure, reduction=None)
    freeze_loss("BinaryCrossentropy clipped", "BinaryCrossentropy", ONE_HOT, unsure.round(), reduction=None)
    freeze_loss("MeanAbsoluteError", "MeanAbsoluteError", ONE_HOT, LOGITS)
    for delta in (1.0, 0.25):
        freeze_loss(f"Huber {delta}", "Huber", ONE_HOT, LOGITS, delta=delta)
    freeze_loss("MeanSquaredError of columns", "MeanSquaredError", WEIGHT[:, None], LOGITS[:, :1])
    freeze_loss("MeanSquaredError ranks 1 and 2", "MeanSquaredError", WEIGHT, LOGITS[:, :1])


def freeze_metric(name, kind, updates, **config):
    """The result after each of several updates; ``updates``: tuples of the arguments of update_state."""
    metric = getattr(keras.metrics, kind)(**config)
    arrays, results = {}, []
    for i, arguments in enumerate(updates):
        metric.update_state(*arguments)
        results.append(float(metric.result()))
        arrays |= {f"update{i} {j}": np.asarray(value) for j, value in enumerate(arguments) if value is not None}
    arrays["results"] = np.float32(results)
    options = {"config": config, "updates": len(updates)}
    cases.append(Case(name, f"keras.metrics.{kind}", options, arrays, {"results": 64}))


def metrics():
    logits = [LOGITS, normal("second", (6, 5)), normal("third", (4, 5))]
    labels = [LABELS, LABELS[::-1].copy(), LABELS[:4]]
    sparse = list(zip(labels, logits, strict=True))
    weights = [WEIGHT, None, WEIGHT[:4]]
    dense = [(np.eye(5, dtype=np.float32)[y], p) for y, p in sparse]
    binary = [((p > 0.3).astype(np.float32), 1 / (1 + np.exp(-p * 0.5))) for p in logits]
    numbers = [(np.float32(np.round(p)), np.float32(np.round(p * 1.3))) for p in logits]
    families = (
        ("SparseCategoricalAccuracy", sparse, {}),
        ("CategoricalAccuracy", dense, {}),
        ("BinaryAccuracy", binary, {"threshold": 0.5}),
        ("BinaryAccuracy", binary, {"threshold": 0.7}),
        ("Accuracy", numbers, {}),
        ("SparseTopKCategoricalAccuracy", sparse, {"k": 2}),
        ("MeanSquaredError", dense, {}),
        ("MeanAbsoluteError", dense, {}),
        ("SparseCategoricalCrossentropy", sparse, {"from_logits": True}),
        ("CategoricalCrossentropy", dense, {"from_logits": True}),
        ("BinaryCrossentropy", binary, {}),
    )
    for kind, updates, config in families:
        label = f"{kind} metric {config or ''}"
        freeze_metric(label, kind, updates, **config)
        freeze_metric(f"{label} weighted", kind, [(*u, w) for u, w in zip(updates, weights, strict=True)], **config)
    column = [(y[:, None], p) for y, p in sparse]
    freeze_metric("SparseCategoricalAccuracy metric of columns", "SparseCategoricalAccuracy", column)
    values = [(np.float32([1, 2, 3]),), (np.float32(4),), (np.float32([[5, 6], [7, 9]]),)]
    for kind in ("Mean", "Sum"):
        freeze_metric(f"{kind} metric", kind, values)
        weighted = [(np.float32([1, 2, 3]), np.float32([0, 1, 2])), (np.float32(4), np.float32(0.5))]
        freeze_metric(f"{kind} metric weighted", kind, weighted)


layers()
losses()
metrics()
save("layers.npz", cases, tensorflow=tf.__version__, keras=keras.__version__)
