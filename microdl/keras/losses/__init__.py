"""Losses: functions that give one value per sample, and classes that reduce these to the number to be minimised.

Names, arguments and values are those of Keras 3. ``N`` is the number of samples, ``C`` that of classes; "(N, ...)" may
have any further axes, over which a loss function has already taken the mean (regression) or which it keeps.
"""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.losses.base import (
    BY_NAME as BY_NAME,
    EPSILON as EPSILON,
    REDUCTIONS as REDUCTIONS,
    Loss as Loss,
    LossFunctionWrapper as LossFunctionWrapper,
    get as get,
    look_up as look_up,
)
from microdl.keras.losses.crossentropy import (
    BinaryCrossentropy as BinaryCrossentropy,
    BinaryFocalCrossentropy as BinaryFocalCrossentropy,
    CategoricalCrossentropy as CategoricalCrossentropy,
    CategoricalFocalCrossentropy as CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy as SparseCategoricalCrossentropy,
    binary_crossentropy as binary_crossentropy,
    binary_focal_crossentropy as binary_focal_crossentropy,
    categorical_crossentropy as categorical_crossentropy,
    categorical_focal_crossentropy as categorical_focal_crossentropy,
    sparse_categorical_crossentropy as sparse_categorical_crossentropy,
)
from microdl.keras.losses.margins import (
    CategoricalHinge as CategoricalHinge,
    Dice as Dice,
    Hinge as Hinge,
    SquaredHinge as SquaredHinge,
    Tversky as Tversky,
    categorical_hinge as categorical_hinge,
    dice as dice,
    hinge as hinge,
    squared_hinge as squared_hinge,
    tversky as tversky,
)
from microdl.keras.losses.regression import (
    CosineSimilarity as CosineSimilarity,
    Huber as Huber,
    KLDivergence as KLDivergence,
    LogCosh as LogCosh,
    MeanAbsoluteError as MeanAbsoluteError,
    MeanAbsolutePercentageError as MeanAbsolutePercentageError,
    MeanSquaredError as MeanSquaredError,
    MeanSquaredLogarithmicError as MeanSquaredLogarithmicError,
    Poisson as Poisson,
    cosine_similarity as cosine_similarity,
    huber as huber,
    kl_divergence as kl_divergence,
    log_cosh as log_cosh,
    mean_absolute_error as mean_absolute_error,
    mean_absolute_percentage_error as mean_absolute_percentage_error,
    mean_squared_error as mean_squared_error,
    mean_squared_logarithmic_error as mean_squared_logarithmic_error,
    poisson as poisson,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as _deserialize,
    serialize_keras_object as _serialize,
)
from microdl.keras.targets import label_kind as _label_kind

_FUNCTIONS = (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    dice,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
    tversky,
)
_CLASSES = (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    CosineSimilarity,
    Dice,
    Hinge,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
    Tversky,
)
bce = BCE = binary_crossentropy
kld = KLD = kullback_leibler_divergence = kl_divergence
logcosh = log_cosh
mae = MAE = mean_absolute_error
mape = MAPE = mean_absolute_percentage_error
mse = MSE = mean_squared_error
msle = MSLE = mean_squared_logarithmic_error
_ALIASES = {"bce": bce, "kld": kld, "mae": mae, "mape": mape, "mse": mse, "msle": msle}
BY_NAME.update((item.__name__, item) for item in _FUNCTIONS + _CLASSES)
BY_NAME.update(_ALIASES)
BY_NAME.update((alias.upper(), function) for alias, function in _ALIASES.items())
BY_NAME.update(logcosh=log_cosh, kullback_leibler_divergence=kl_divergence)


def get_for(identifier, y_true, y_pred):
    """The Loss that ``Model.compile(loss=identifier)`` means for labels and predictions of these shapes.

    Args:
        identifier: as for `get`; "crossentropy" or "ce" is the binary one for one output, else the sparse one for class
            numbers and the categorical one for one-hot labels.
        y_true, y_pred: Tensors, Specs or arrays; only their shapes are read.
    """
    if isinstance(identifier, str) and identifier.lower() in ("crossentropy", "ce"):
        kinds = {
            "binary": binary_crossentropy,
            "sparse": sparse_categorical_crossentropy,
            "categorical": categorical_crossentropy,
        }
        found = kinds[_label_kind(y_true, y_pred)]
    else:
        found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=identifier if isinstance(identifier, str) else None)


def serialize(loss):
    """Module, class name and configuration of a Loss, or the name of a function, as plain values."""
    return _serialize(loss)


def deserialize(name, custom_objects=None):
    """The loss that ``serialize`` described. custom_objects: dict from names to the user's own."""
    return _deserialize(name, custom_objects, module_objects=BY_NAME)


__getattr__ = _missing(__name__, globals(), _later.LOSSES)
