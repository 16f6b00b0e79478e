"""Keras: layers, models, and what trains them."""

from microdl.keras import (
    activations as activations,
    backend as backend,
    callbacks as callbacks,
    datasets as datasets,
    initializers as initializers,
    layers as layers,
    losses as losses,
    metrics as metrics,
    models as models,
    optimizers as optimizers,
)
from microdl.keras.layers import Input as Input, Layer as Layer
from microdl.keras.models import Model as Model, Sequential as Sequential
