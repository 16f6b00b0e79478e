"""Classes and functions of users, by the names under which files know them.

A file holds names and arguments, never code: what a name means is looked up among the objects that were registered
here, given to the loading function, or are microdl's own.
"""

import inspect
import threading

_OBJECTS: dict = {}  # registered name -> class or function
_NAMES: dict = {}  # and back


class _Scopes(threading.local):
    objects: tuple = ()  # dicts, innermost last


_scopes = _Scopes()


def register_keras_serializable(package="Custom", name=None):
    """Decorator: files know this class or function as ``package>name``, and loading finds it without being told.

    Args: package: str. name: str, by default the object's own.
    Raises: ValueError for a class without ``get_config``.

    >>> @register_keras_serializable("lab")
    ... class Twice(Layer):
    ...     def call(self, inputs):
    ...         return inputs * 2
    >>> get_registered_name(Twice)
    'lab>Twice'
    """

    def register(item):
        if inspect.isclass(item) and not hasattr(item, "get_config"):
            raise ValueError(
                f"register_keras_serializable: class {item.__name__} has no get_config method, so it cannot be saved"
            )
        registered = f"{package}>{name or item.__name__}"
        _OBJECTS[registered], _NAMES[item] = item, registered
        return item

    return register


def get_custom_objects():
    """The dict from names to registered classes and functions; what is put into it is known from then on."""
    return _OBJECTS


def get_registered_name(obj):
    """The name under which files know a class or function: ``package>name`` if it is registered, else its own."""
    return _NAMES.get(obj) or obj.__name__


def get_registered_object(name, custom_objects=None, module_objects=None):
    """The class or function of that name in a scope, ``custom_objects``, the registry or ``module_objects``; or None.

    Args: name: str, registered or plain. custom_objects, module_objects: dicts from names.
    """
    for objects in (*reversed(_scopes.objects), custom_objects or {}, _OBJECTS, module_objects or {}):
        if name in objects:
            return objects[name]
    return None


class CustomObjectScope:
    """Context manager: within it these names are known, too.

    Args: custom_objects: dict from names to classes and functions.

    >>> with CustomObjectScope({"Twice": Twice}):
    ...     layer = keras.layers.deserialize(config)
    """

    def __init__(self, custom_objects):
        self.custom_objects = custom_objects or {}

    def __enter__(self):
        _scopes.objects = (*_scopes.objects, self.custom_objects)
        return self

    def __exit__(self, *error):
        _scopes.objects = _scopes.objects[:-1]


custom_object_scope = CustomObjectScope
