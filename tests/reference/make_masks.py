"""Freezes training with masks, penalties and constraints in ``masks.npz``. Run with a Python that has TensorFlow."""

import keras
import numpy as np
import tensorflow as tf
from frozen import Case, normal, save

WORDS = np.array([[3, 4, 1, 0, 0], [1, 2, 0, 0, 0], [4, 4, 2, 1, 3], [2, 0, 0, 0, 0]], np.int32)
LABELS = np.array([[0, 1, 2, 0, 1], [2, 2, 1, 0, 0], [1, 0, 2, 2, 1], [0, 1, 1, 2, 2]], np.int32)
WEIGHTS = np.abs(normal("weights", (4, 5)))
cases = []


def freeze(name, layers, targets, loss, sample_weight=None, weighted=False, steps=4):
    """A Sequential model's weights before and after ``steps`` of SGD, and its loss and metrics before each."""
    model = keras.Sequential([getattr(keras.layers, kind)(**config) for kind, config in layers])
    metrics = {
        "weighted_metrics" if weighted else "metrics": ["mae" if loss == "mse" else "sparse_categorical_accuracy"]
    }
    model.compile(keras.optimizers.SGD(0.5), loss, **metrics)
    model.build((None, 5))
    before = [normal(f"{name} {i}", w.shape) * 0.5 for i, w in enumerate(model.weights)]
    model.set_weights(before)
    results = [model.train_on_batch(WORDS, targets, sample_weight) for _ in range(steps)]
    results.append(model.test_on_batch(WORDS, targets, sample_weight))
    arrays = {f"before{i}": w for i, w in enumerate(before)}
    arrays |= {f"after{i}": w for i, w in enumerate(model.get_weights())}
    arrays |= {"x": WORDS, "y": targets, "results": np.float32(results)}
    if sample_weight is not None:
        arrays["sample_weight"] = sample_weight
    outputs = [key for key in arrays if key.startswith(("after", "results"))]
    options = {"layers": layers, "loss": loss, "metrics": metrics, "steps": steps}
    cases.append(Case(name, "keras.Sequential", options, arrays, dict.fromkeys(outputs, 800)))


EMBEDDING = ("Embedding", {"input_dim": 5, "output_dim": 4, "mask_zero": True})
CLASSES = ("Dense", {"units": 3, "activation": "softmax"})
SPARSE = "sparse_categorical_crossentropy"
for kind in ("SimpleRNN", "LSTM", "GRU"):
    sequence = (kind, {"units": 4, "return_sequences": True})
    freeze(f"{kind} of words", [EMBEDDING, sequence, CLASSES], LABELS, SPARSE)
    freeze(f"{kind} of words weighted", [EMBEDDING, sequence, CLASSES], LABELS, SPARSE, WEIGHTS, weighted=True)
freeze("unweighted metric", [EMBEDDING, CLASSES], LABELS, SPARSE, WEIGHTS)
freeze("mask ends at the last state", [EMBEDDING, ("LSTM", {"units": 3}), CLASSES], LABELS[:, 0], SPARSE)
freeze("pooled", [EMBEDDING, ("GlobalAveragePooling1D", {}), ("Dense", {"units": 1})], LABELS[:, :1] * 0.5, "mse")
freeze("mse", [EMBEDDING, ("LayerNormalization", {}), ("Dense", {"units": 1})], LABELS[..., None] * 0.5, "mse")
PENALIZED = {
    "kernel_regularizer": "l2",
    "bias_regularizer": "l1",
    "activity_regularizer": "l2",
    "kernel_constraint": "max_norm",
    "bias_constraint": "non_neg",
}
freeze(
    "penalties and constraints",
    [EMBEDDING, ("Dense", {"units": 3, "activation": "softmax", **PENALIZED})],
    LABELS,
    SPARSE,
)
RECURRENT = {"units": 4, "return_sequences": True, "recurrent_regularizer": "orthogonal_regularizer"}
RECURRENT |= {"recurrent_constraint": "unit_norm", "kernel_regularizer": "l1"}
freeze("penalized SimpleRNN", [EMBEDDING, ("SimpleRNN", RECURRENT), CLASSES], LABELS, SPARSE)
ADDED = ("ActivityRegularization", {"l1": 0.1, "l2": 0.2})
freeze("activity regularization", [EMBEDDING, ADDED, CLASSES], LABELS, SPARSE)
save("masks.npz", cases, tensorflow=tf.__version__, keras=keras.__version__)
