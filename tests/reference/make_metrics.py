"""Writes metrics.npz: what Keras's metrics give over two updates, and its losses with their gradients.

Run where Keras is installed. Each metric is updated twice, without and with sample weights, each loss is taken of the
same labels and predictions: plain, weighted, unreduced, and differentiated.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"], os.environ["KERAS_BACKEND"] = "3", "tensorflow"

import keras  # noqa: E402 (reads the environment)
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from frozen import Case, save  # noqa: E402 (beside this file)

rng = np.random.default_rng(5)


def probabilities(*shape):
    values = rng.random(shape).astype(np.float32) + 0.05
    return values / values.sum(-1, keepdims=True)


def batch(kind, n):
    """(labels, predictions) of n samples."""
    if kind == "binary":
        return rng.integers(0, 2, (n, 1)).astype(np.float32), rng.random((n, 1)).astype(np.float32)
    if kind == "labels":
        return rng.integers(0, 2, (n, 3)).astype(np.float32), rng.random((n, 3)).astype(np.float32)
    if kind == "onehot":
        return np.eye(4, dtype=np.float32)[rng.integers(0, 4, n)], probabilities(n, 4)
    if kind == "sparse":
        return rng.integers(0, 4, n), probabilities(n, 4)
    if kind == "classes":
        return rng.integers(0, 4, (n, 2)), rng.integers(0, 4, (n, 2))
    if kind == "numbers":
        return rng.normal(size=(n, 3)).astype(np.float32), rng.normal(size=(n, 3)).astype(np.float32)
    if kind == "positive":
        return rng.random((n, 3)).astype(np.float32) + 0.1, rng.random((n, 3)).astype(np.float32) + 0.1
    if kind == "distributions":
        return probabilities(n, 3), probabilities(n, 3)
    if kind == "signs":
        return rng.integers(0, 2, (n, 3)).astype(np.float32) * 2 - 1, rng.normal(size=(n, 3)).astype(np.float32)
    raise ValueError(kind)


METRICS = [
    *(("binary", name, {}) for name in ("TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives")),
    ("labels", "TruePositives", {"thresholds": [0.2, 0.7]}),
    ("binary", "Precision", {}),
    ("binary", "Precision", {"thresholds": [0.3, 0.6]}),
    ("onehot", "Precision", {"top_k": 2}),
    ("onehot", "Precision", {"class_id": 1, "thresholds": 0.3}),
    ("binary", "Recall", {}),
    ("onehot", "Recall", {"top_k": 2, "class_id": 2}),
    ("labels", "Recall", {"thresholds": 0.4}),
    ("binary", "AUC", {}),
    ("binary", "AUC", {"curve": "PR"}),
    ("binary", "AUC", {"curve": "PR", "summation_method": "minoring", "num_thresholds": 20}),
    ("binary", "AUC", {"summation_method": "majoring", "num_thresholds": 7}),
    ("binary", "AUC", {"thresholds": [0.1, 0.35, 0.8]}),
    ("labels", "AUC", {"multi_label": True}),
    ("labels", "AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5], "curve": "PR"}),
    ("labels", "AUC", {"label_weights": [1.0, 2.0, 0.5]}),
    ("numbers01", "AUC", {"from_logits": True}),
    ("binary", "SensitivityAtSpecificity", {"specificity": 0.5}),
    ("binary", "SpecificityAtSensitivity", {"sensitivity": 0.6}),
    ("binary", "PrecisionAtRecall", {"recall": 0.5}),
    ("binary", "RecallAtPrecision", {"precision": 0.4, "num_thresholds": 50}),
    ("onehot", "PrecisionAtRecall", {"recall": 0.4, "class_id": 1}),
    ("classes", "MeanIoU", {"num_classes": 4}),
    ("classes", "MeanIoU", {"num_classes": 4, "ignore_class": 2}),
    ("classes", "IoU", {"num_classes": 4, "target_class_ids": [0, 3]}),
    ("binary", "BinaryIoU", {"threshold": 0.4}),
    ("binary", "BinaryIoU", {"target_class_ids": [1]}),
    ("onehot", "OneHotIoU", {"num_classes": 4, "target_class_ids": [1, 2]}),
    ("onehot", "OneHotMeanIoU", {"num_classes": 4}),
    ("onehot", "TopKCategoricalAccuracy", {"k": 2}),
    ("sparse", "SparseTopKCategoricalAccuracy", {"k": 3}),
    ("onehot", "CategoricalAccuracy", {}),
    ("sparse", "SparseCategoricalAccuracy", {}),
    ("binary", "BinaryAccuracy", {"threshold": 0.3}),
    ("labels", "F1Score", {"threshold": 0.5}),
    ("onehot", "F1Score", {"average": "macro"}),
    ("onehot", "FBetaScore", {"average": "weighted", "beta": 2.0}),
    ("labels", "FBetaScore", {"average": "micro", "beta": 0.5, "threshold": 0.4}),
    ("numbers", "R2Score", {}),
    ("numbers", "R2Score", {"class_aggregation": "variance_weighted_average"}),
    ("numbers", "R2Score", {"class_aggregation": None}),
    ("numbers", "R2Score", {"num_regressors": 2}),
    ("numbers", "CosineSimilarity", {}),
    ("distributions", "KLDivergence", {}),
    ("positive", "Poisson", {}),
    ("numbers", "LogCoshError", {}),
    *(("signs", name, {}) for name in ("Hinge", "SquaredHinge")),
    ("labels", "Hinge", {}),
    ("onehot", "CategoricalHinge", {}),
    ("positive", "MeanSquaredLogarithmicError", {}),
    ("positive", "MeanAbsolutePercentageError", {}),
    *(("numbers", name, {}) for name in ("MeanSquaredError", "MeanAbsoluteError", "RootMeanSquaredError")),
    ("binary", "BinaryCrossentropy", {"label_smoothing": 0.1}),
    ("onehot", "CategoricalCrossentropy", {}),
    ("sparse", "SparseCategoricalCrossentropy", {}),
]
LOSSES = [
    ("distributions", "KLDivergence", {}),
    ("positive", "Poisson", {}),
    ("numbers", "CosineSimilarity", {}),
    ("numbers", "CosineSimilarity", {"axis": 0}),
    *(("signs", name, {}) for name in ("Hinge", "SquaredHinge")),
    *(("labels", name, {}) for name in ("Hinge", "SquaredHinge")),
    ("onehot", "CategoricalHinge", {}),
    ("numbers", "LogCosh", {}),
    ("positive", "MeanSquaredLogarithmicError", {}),
    ("positive", "MeanAbsolutePercentageError", {}),
    ("numbers", "Huber", {"delta": 0.5}),
    ("labels", "BinaryFocalCrossentropy", {}),
    ("labels", "BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.6, "gamma": 1.5}),
    ("numbers01", "BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}),
    ("onehot", "CategoricalFocalCrossentropy", {}),
    ("onehot", "CategoricalFocalCrossentropy", {"alpha": [0.1, 0.2, 0.3, 0.4], "label_smoothing": 0.1}),
    ("onehot", "CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 3.0}),
    ("labels", "Dice", {}),
    ("labels", "Dice", {"axis": 1}),
    ("labels", "Tversky", {"alpha": 0.3, "beta": 0.7}),
    ("labels", "Tversky", {"axis": 1}),
]


def of_logits(n):
    return rng.integers(0, 2, (n, 2)).astype(np.float32), rng.normal(size=(n, 2)).astype(np.float32)


cases = []
for number, (kind, name, options) in enumerate(METRICS):
    arrays = {}
    for weighted in (False, True):
        metric = getattr(keras.metrics, name)(**options)
        for i, n in enumerate((7, 5)):
            if not weighted:
                y_true, y_pred = of_logits(n) if kind == "numbers01" else batch(kind, n)
                weight = rng.integers(0, 4, y_true.shape if "IoU" in name and kind != "onehot" else (n,))
                weight = weight if "IoU" in name else weight.astype(np.float32) / 2
                arrays |= {f"y_true{i}": y_true, f"y_pred{i}": y_pred, f"weight{i}": weight}
            weight = arrays[f"weight{i}"] if weighted else None
            metric.update_state(arrays[f"y_true{i}"], arrays[f"y_pred{i}"], weight)
            arrays[f"{'weighted' if weighted else 'plain'}{i}"] = np.asarray(metric.result())
    cases.append(Case(f"{number} {name} of {kind}", f"metrics.{name}", options, arrays))
for number, (kind, name, options) in enumerate(LOSSES):
    y_true, y_pred = of_logits(6) if kind == "numbers01" else batch(kind, 6)
    whole = options.get("axis", -1) in (0, None) or (name in ("Dice", "Tversky") and "axis" not in options)
    weight = np.float32(1.5) if whole else rng.random(6).astype(np.float32)
    make = getattr(keras.losses, name)
    x = tf.Variable(y_pred)
    with tf.GradientTape() as tape:
        mean = make(**options)(y_true, x)
    arrays = {"y_true": y_true, "y_pred": y_pred, "weight": weight, "mean": np.asarray(mean)}
    arrays["gradient"] = tape.gradient(mean, x).numpy()
    arrays["values"] = np.asarray(make(reduction="none", **options)(y_true, y_pred))
    arrays["weighted"] = np.asarray(make(**options)(y_true, y_pred, weight))
    cases.append(Case(f"{number} {name} of {kind}", f"losses.{name}", options, arrays))
save("metrics.npz", cases, keras=keras.__version__, tensorflow=tf.__version__)
