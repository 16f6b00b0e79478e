"""Keras's ``keras.saving``: models in files, objects as plain values, and the user's own classes by name."""

from microdl.core.missing import missing as _missing
from microdl.keras.persistence.archive import load_model as load_model, save_model as save_model
from microdl.keras.persistence.registry import (
    CustomObjectScope as CustomObjectScope,
    custom_object_scope as custom_object_scope,
    get_custom_objects as get_custom_objects,
    get_registered_name as get_registered_name,
    get_registered_object as get_registered_object,
    register_keras_serializable as register_keras_serializable,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as deserialize_keras_object,
    serialize_keras_object as serialize_keras_object,
)
from microdl.keras.persistence.weights import load_weights as load_weights, save_weights as save_weights

__getattr__ = _missing(__name__, globals())
