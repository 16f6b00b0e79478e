"""Models made again from what describes them."""

import json

from microdl.keras.layers.core import InputLayer
from microdl.keras.models.functional import copied
from microdl.keras.models.sequential import Sequential
from microdl.keras.persistence.serialization import deserialize_keras_object, serialize_keras_object


def model_from_json(json_string, custom_objects=None):
    """The model that ``Model.to_json`` described, without its weights.

    Args: json_string: str. custom_objects: dict from names to the user's own classes, unless they are registered.
    Raises: ValueError for text that is no JSON, or classes that are not known.
    """
    return deserialize_keras_object(json.loads(json_string), custom_objects)


def clone_model(model, input_tensors=None, clone_function=None):
    """A model of the same architecture with weights of its own, drawn anew.

    Args:
        model: Model, Sequential or of a class that its configuration describes.
        input_tensors: KerasTensors for it to begin with (functional models alone).
        clone_function: function of a layer that gives the new one in its place (functional and Sequential models).

    Raises: ValueError for these two with another kind of model.
    """
    if model._network is not None:
        return copied(model, type(model), clone_function, input_tensors)
    if input_tensors is not None:
        raise ValueError("clone_model: input_tensors are for functional models; call the clone on them instead")
    if clone_function is None:
        described = {**serialize_keras_object(model), "compile_config": None}
        return deserialize_keras_object(described, {type(model).__name__: type(model), **_classes_in(model)})
    if not isinstance(model, Sequential):
        raise ValueError(
            f"clone_model: clone_function is for functional and Sequential models, {model.name!r} is a "
            f"{type(model).__name__}"
        )
    start = model._input_layer.value
    start = [] if start is None else [InputLayer.from_config(start.get_config())]
    clone = type(model)([*start, *map(clone_function, model.layers)], trainable=model.trainable, name=model.name)
    if model._input_shape is not None and not clone.built:
        clone.build(model._input_shape)
    return clone


def _classes_in(model):
    """The classes of the layers in a model, which need not be registered to be found again here."""
    return {type(layer).__name__: type(layer) for _, layer, _ in model._tree()}
