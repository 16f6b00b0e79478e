"""Keras: layers, models, and what trains them."""

from microdl.core.missing import missing as _missing
from microdl.keras import (
    activations as activations,
    backend as backend,
    callbacks as callbacks,
    config as config,
    constraints as constraints,
    datasets as datasets,
    export as export,
    initializers as initializers,
    later as _later,
    layers as layers,
    losses as losses,
    metrics as metrics,
    models as models,
    ops as ops,
    optimizers as optimizers,
    preprocessing as preprocessing,
    regularizers as regularizers,
    saving as saving,
    utils as utils,
)
from microdl.keras.initializers import Initializer as Initializer
from microdl.keras.layers import Input as Input, Layer as Layer
from microdl.keras.layers.keras_tensor import KerasTensor as KerasTensor, Operation as Operation
from microdl.keras.losses import Loss as Loss
from microdl.keras.metrics import Metric as Metric
from microdl.keras.models import Model as Model, Sequential as Sequential
from microdl.keras.optimizers import Optimizer as Optimizer
from microdl.keras.regularizers import Regularizer as Regularizer

__getattr__ = _missing(__name__, globals(), _later.KERAS, instead=_later.INSTEAD)
