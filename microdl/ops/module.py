"""``tf.Module``: an object that knows the variables that hang together with it."""

import functools
import re

from microdl.core import nest
from microdl.core.trackable import Trackable, made
from microdl.core.variable import Variable
from microdl.ops.scopes import name_scope


class Module(Trackable):
    """Base of what holds Variables and other Modules in its attributes, also in lists, tuples and dicts there.

    Args: name: a Python identifier; the class's name in snake case by default.

    Raises: ValueError for other names.

    >>> class Line(Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.slope = Variable(2.0)
    >>> Line().name, len(Line().trainable_variables)
    ('line', 1)
    """

    def __init__(self, name=None):
        if name is None:
            name = _snake_case(type(self).__name__)
        elif not str(name).isidentifier():
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers "
                "(e.g. a valid class name)."
            )
        self._name = name
        with name_scope(name) as scope:
            self._scope_name = scope

    def __setattr__(self, attribute, value):
        super().__setattr__(attribute, value)
        made()  # a checkpoint may hold its values, and wait for it

    @property
    def name(self):
        """The name, as given or made of the class's."""
        return self._name

    @property
    def name_scope(self):
        """A context in which the names of new Variables begin with the module's."""
        return name_scope(self._scope_name)

    @property
    def variables(self):
        """All Variables of this module and those in it: attributes in the order of their names, nested ones last."""
        return tuple(leaf for leaf in self._flatten() if isinstance(leaf, Variable))

    @property
    def trainable_variables(self):
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self):
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self):
        """All Modules in this one, not itself."""
        return tuple(leaf for leaf in self._flatten() if isinstance(leaf, Module))

    def _flatten(self, recursive=True, predicate=lambda leaf: True, attribute_traversal_key=None):
        """What fits ``predicate`` in the attributes of this module, and of those in it if ``recursive``; each once."""
        seen, waiting = {id(self)}, [self]
        for module in waiting:  # grows on the way
            nested = []
            attributes = vars(module)
            for name in sorted(attributes, key=attribute_traversal_key):
                for leaf in nest.flatten(attributes[name]):
                    if id(leaf) in seen or not isinstance(leaf, (Module, Variable)):
                        continue
                    seen.add(id(leaf))
                    if predicate(leaf):
                        yield leaf
                    if recursive and isinstance(leaf, Module):
                        nested.append(leaf)
            waiting.extend(nested)

    @classmethod
    def with_name_scope(cls, method):
        """Decorator of a method: the names of Variables made in it begin with the module's name."""

        @functools.wraps(method)
        def scoped(self, *args, **kwargs):
            with self.name_scope:
                return method(self, *args, **kwargs)

        return scoped


def _snake_case(name):
    """``MyModule2D`` -> ``my_module2d``, as TensorFlow's modules are named."""
    return re.sub(r"((?<=[a-z0-9])[A-Z]|(?!^)(?<!_)[A-Z](?=[a-z]))", r"_\1", name).lower()
