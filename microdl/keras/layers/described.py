"""How a layer is described for files: by the arguments that it was made with, and the shape that it was built for."""

import inspect
from typing import Any

from microdl.keras.layers.nested import is_shape, map_nested


class Hidden:
    """Keeps a value out of the search for weights, which looks into lists, tuples and dicts."""

    def __init__(self, value):
        self.value = value


class Described:
    """What a layer remembers so that it can be made again."""

    _made_with = Hidden(((), {}))  # arguments of ``__init__``
    _build_shape = None  # argument of ``build``

    def __new__(cls, *args, **kwargs):
        self = super().__new__(cls)
        self.__dict__["_made_with"] = Hidden((args, kwargs))
        return self

    def _by_arguments(self, config):
        """The configuration of a class without a ``get_config`` of its own: what its ``__init__`` was given.

        Args: config: dict, the base's configuration, of which ``__init__`` may not take all.
        Raises: NotImplementedError if arguments have no names.
        """
        args, kwargs = self._made_with.value
        signature = inspect.signature(type(self).__init__)
        bound = signature.bind(self, *args, **kwargs)
        given = dict(list(bound.arguments.items())[1:])
        takes_all = False
        for parameter in signature.parameters.values():
            if parameter.kind is parameter.VAR_POSITIONAL and given.pop(parameter.name, ()):
                raise NotImplementedError(
                    f"{type(self).__name__} must define get_config: its __init__ was given arguments without names"
                )
            if parameter.kind is parameter.VAR_KEYWORD:
                takes_all = True
                given.update(given.pop(parameter.name, {}))
        return {key: value for key, value in config.items() if takes_all or key in signature.parameters} | given

    def get_build_config(self):
        """What ``build_from_config`` needs to make the weights: dict, or None if there is nothing to build."""
        return None if self._build_shape is None else {"input_shape": self._build_shape}

    def build_from_config(self, config):
        """Makes the weights, as ``get_build_config`` said."""
        if config.get("input_shape") is not None:
            layer: Any = self
            layer.build(as_tuples(config["input_shape"]))


def as_tuples(shape):
    """The shapes in a (nested) structure as tuples, which JSON does not have."""
    return map_nested(tuple, shape, is_leaf=is_shape)
