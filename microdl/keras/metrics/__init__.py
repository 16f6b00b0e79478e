"""Metrics: numbers about a model that are gathered over many batches.

Names, arguments and values are those of Keras 3. ``N`` is the number of samples, ``C`` that of classes. A metric's
updates are never recorded on a tape.
"""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.losses import (
    binary_crossentropy as binary_crossentropy,
    binary_focal_crossentropy as binary_focal_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    categorical_focal_crossentropy as categorical_focal_crossentropy,
    categorical_hinge as categorical_hinge,
    hinge as hinge,
    huber as huber,
    kl_divergence as kl_divergence,
    log_cosh as log_cosh,
    mean_absolute_error as mean_absolute_error,
    mean_absolute_percentage_error as mean_absolute_percentage_error,
    mean_squared_error as mean_squared_error,
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
    poisson as poisson,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
    squared_hinge as squared_hinge,
)
from microdl.keras.metrics.accuracy import (
    Accuracy as Accuracy,
    BinaryAccuracy as BinaryAccuracy,
    CategoricalAccuracy as CategoricalAccuracy,
    SparseCategoricalAccuracy as SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy as TopKCategoricalAccuracy,
    accuracy as accuracy,
    binary_accuracy as binary_accuracy,
    categorical_accuracy as categorical_accuracy,
    sparse_categorical_accuracy as sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy as top_k_categorical_accuracy,
)
from microdl.keras.metrics.base import (
    BY_NAME as BY_NAME,
    Mean as Mean,
    MeanMetricWrapper as MeanMetricWrapper,
    MeanTensor as MeanTensor,
    Metric as Metric,
    Sum as Sum,
    get as get,
)
from microdl.keras.metrics.confusion import (
    AUC as AUC,
    FalseNegatives as FalseNegatives,
    FalsePositives as FalsePositives,
    Precision as Precision,
    PrecisionAtRecall as PrecisionAtRecall,
    Recall as Recall,
    RecallAtPrecision as RecallAtPrecision,
    SensitivityAtSpecificity as SensitivityAtSpecificity,
    SpecificityAtSensitivity as SpecificityAtSensitivity,
    TrueNegatives as TrueNegatives,
    TruePositives as TruePositives,
)
from microdl.keras.metrics.regression import (
    BinaryCrossentropy as BinaryCrossentropy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalHinge as CategoricalHinge,
    CosineSimilarity as CosineSimilarity,
    Hinge as Hinge,
    KLDivergence as KLDivergence,
    LogCoshError as LogCoshError,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    Poisson as Poisson,
    R2Score as R2Score,
    RootMeanSquaredError as RootMeanSquaredError,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    SquaredHinge as SquaredHinge,
    cosine_similarity as cosine_similarity,
)
from microdl.keras.metrics.segmentation import (
    BinaryIoU as BinaryIoU,
    F1Score as F1Score,
    FBetaScore as FBetaScore,
    IoU as IoU,
    MeanIoU as MeanIoU,
    OneHotIoU as OneHotIoU,
    OneHotMeanIoU as OneHotMeanIoU,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)
from microdl.keras.targets import label_kind as _label_kind

_FUNCTIONS = (
    accuracy,
    binary_accuracy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_accuracy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_accuracy,
    sparse_categorical_crossentropy,
    sparse_top_k_categorical_accuracy,
    squared_hinge,
    top_k_categorical_accuracy,
)
_CLASSES = (
    AUC,
    Accuracy,
    BinaryAccuracy,
    BinaryCrossentropy,
    BinaryIoU,
    CategoricalAccuracy,
    CategoricalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    F1Score,
    FBetaScore,
    FalseNegatives,
    FalsePositives,
    Hinge,
    IoU,
    KLDivergence,
    LogCoshError,
    Mean,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanIoU,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    MeanTensor,
    OneHotIoU,
    OneHotMeanIoU,
    Poisson,
    Precision,
    PrecisionAtRecall,
    R2Score,
    Recall,
    RecallAtPrecision,
    RootMeanSquaredError,
    SensitivityAtSpecificity,
    SparseCategoricalAccuracy,
    SparseCategoricalCrossentropy,
    SparseTopKCategoricalAccuracy,
    SpecificityAtSensitivity,
    SquaredHinge,
    Sum,
    TopKCategoricalAccuracy,
    TrueNegatives,
    TruePositives,
)
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
mse = MSE = mean_squared_error
msle = MSLE = mean_squared_logarithmic_error
_ALIASES = {
    "bce": BinaryCrossentropy,
    "mae": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "mse": MeanSquaredError,
    "msle": MeanSquaredLogarithmicError,
}
BY_NAME.update((item.__name__, item) for item in _FUNCTIONS + _CLASSES)
BY_NAME.update(_ALIASES)
BY_NAME.update((alias.upper(), metric) for alias, metric in _ALIASES.items())


def serialize(metric):
    """Module, class name and configuration of a Metric, or the name of a function, as plain values."""
    return _serialize(metric)


def deserialize(config, custom_objects=None):
    """The metric that ``serialize`` described. custom_objects: dict from names to the user's own."""
    return _deserialize(config, custom_objects, module_objects=BY_NAME)


def get_for(identifier, y_true, y_pred):
    """The Metric that ``Model.compile(metrics=[identifier])`` means for labels and predictions of these shapes.

    Args:
        identifier: as for `get`; "accuracy" or "acc" is the binary one for one output, else the sparse one for class
            numbers and the categorical one for one-hot labels. A name stays the Metric's name.
        y_true, y_pred: Tensors, Specs or arrays; only their shapes are read.
    """
    name = identifier if isinstance(identifier, str) else None
    if name is not None and name.lower() in ("accuracy", "acc"):
        kinds = {
            "binary": BinaryAccuracy,
            "sparse": SparseCategoricalAccuracy,
            "categorical": CategoricalAccuracy,
        }
        return kinds[_label_kind(y_true, y_pred)](name=name)
    metric = get(identifier)
    if metric is None:
        raise ValueError("a metric is expected (a name, a Metric or a function), got None")
    if not isinstance(metric, Metric):
        return MeanMetricWrapper(metric, name)
    if name is not None:
        metric.name = name
    return metric


__getattr__ = _missing(__name__, globals(), _later.METRICS)
