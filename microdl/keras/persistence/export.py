"""Models for inference alone: endpoints, functions of tensors with the variables that they read, as a saved model.

``tf.saved_model.load`` gives an object with the endpoints, which needs none of the model's code.
"""

from microdl.compile.arguments import Structured
from microdl.compile.function import Function
from microdl.compile.signature import TensorSpec
from microdl.core import nest
from microdl.core.tensor import Operand
from microdl.core.trackable import Trackable
from microdl.core.variable import Variable
from microdl.saving.saved_model import DEFAULT_SIGNATURE, save

FORMATS = ("tf_saved_model",)


class _Artifact(Trackable):
    """What is saved: its attributes."""

    _tracked: list


class ExportArchive:
    """Collects endpoints, and writes them.

    >>> archive = keras.export.ExportArchive()
    >>> archive.track(model)
    >>> archive.add_endpoint("serve", model.call, input_signature=[tf.TensorSpec([None, 4], tf.float32)])
    >>> archive.write_out("served")
    >>> tf.saved_model.load("served").serve(tf.ones([2, 4]))
    """

    def __init__(self):
        self._artifact, self._endpoints, self._tracked = _Artifact(), {}, []

    def track(self, resource):
        """Adds the variables of a layer, model or module. Raises ValueError for others, and for a layer not built."""
        if not isinstance(resource, Trackable):
            raise ValueError(
                "Invalid resource type. Expected a Keras `Layer` or `Model` or a TensorFlow `Trackable` object. "
                f"Received object {resource} of type '{type(resource)}'. "
            )
        if not getattr(resource, "built", True):
            raise ValueError("The layer provided has not yet been built. It must be built before export.")
        if not any(resource is other for other in self._tracked):
            self._tracked.append(resource)

    def add_endpoint(self, name, fn, input_signature=None):
        """Adds a function.

        Args:
            name: str, an attribute of what will be loaded. fn: function of tensors, or a ``tf.function``.
            input_signature: list with a TensorSpec, or a structure of them, for each argument; for a ``tf.function``
                that has a signature or was called it may be left out.

        Returns: the ``tf.function``. Raises: ValueError if the name is taken, or no signature is known.
        """
        if name in self._endpoints:
            raise ValueError(f"Endpoint name '{name}' is already taken.")
        if input_signature is not None:
            function = Function(fn, [_specs(part) for part in input_signature])
            traced = [function.get_concrete_function()]
        elif isinstance(fn, Function):
            function = fn
            traced = function.concrete_functions()
            if not traced and function.input_signature is not None:
                traced = [function.get_concrete_function()]
            if not traced:
                raise ValueError(
                    f"The provided tf.function '{fn}' has never been called. To specify the expected shape and dtype "
                    "of the function's arguments, you must either provide a function that has been called at least "
                    "once, or alternatively pass an `input_signature` argument in `add_endpoint()`."
                )
        else:
            raise ValueError(
                "If the `fn` argument provided is not a `tf.function`, you must provide an `input_signature` argument "
                f"to specify the shape and dtype of the function arguments: add_endpoint({name!r}, fn, "
                "input_signature=[tf.TensorSpec([None, 224, 224, 3], tf.float32)])"
            )
        self._endpoints[name] = traced[0]
        setattr(self._artifact, name, function)
        return function

    def track_and_add_endpoint(self, name, resource, input_signature, **kwargs):
        """``track`` and ``add_endpoint`` of a layer or model, called with ``kwargs``, ``training=False`` say."""
        self.track(resource)
        return self.add_endpoint(name, lambda inputs: resource(inputs, **kwargs), input_signature)

    def add_variable_collection(self, name, variables):
        """Adds a list of Variables as the attribute ``name`` of what will be loaded."""
        if not isinstance(variables, (list, tuple, set)):
            raise ValueError(
                f"Expected `variables` to be a list/tuple/set. Received instead object of type '{type(variables)}'."
            )
        if not all(isinstance(v, Variable) for v in variables):
            raise ValueError(
                "Expected all elements in `variables` to be `tf.Variable` instances. Found instead the following "
                f"types: {list({type(v) for v in variables})}"
            )
        setattr(self._artifact, name, list(variables))

    def write_out(self, filepath, options=None, verbose=True):
        """Writes what was added, whole or not at all. Each endpoint is a signature; the first, the default one, too.

        Args: filepath: str or path-like, a folder. options: accepted for Keras's sake. verbose: whether to print what
            the endpoints take.
        """
        if not self._endpoints:
            raise ValueError("No endpoints have been set yet. Call add_endpoint().")
        signatures = {DEFAULT_SIGNATURE: next(iter(self._endpoints.values())), **self._endpoints}
        self._artifact._tracked = self.variables
        save(self._artifact, filepath, signatures=signatures)
        if verbose:
            print(self._described(filepath))

    @property
    def variables(self):
        """The Variables of what is tracked."""
        return [v for resource in self._tracked for v in _variables(resource)]

    @property
    def trainable_variables(self):
        return [v for v in self.variables if v.trainable]

    @property
    def non_trainable_variables(self):
        return [v for v in self.variables if not v.trainable]

    def _described(self, filepath):
        parts = [f"* Endpoint '{name}'\n{_text(traced)}" for name, traced in self._endpoints.items()]
        return "\n\n".join([f"Saved artifact at '{filepath}'. The following endpoints are available:", *parts])


def _text(traced: Structured):
    """What an endpoint takes and returns: its signature without the heading."""
    return traced.pretty_printed_signature().partition("\n")[2]


def _variables(resource):
    """The Variables of a layer or module, or what hangs together with another object."""
    if hasattr(resource, "variables"):
        return list(resource.variables)
    return [leaf for leaf in nest.flatten(list(resource._trackables().values())) if isinstance(leaf, Variable)]


def _specs(structure):
    """TensorSpecs for what has a shape and a dtype."""
    return nest.pack_as(structure, [_spec(leaf) for leaf in nest.flatten(structure)])


def _spec(leaf):
    if isinstance(leaf, TensorSpec):
        return leaf
    if not isinstance(leaf, Operand):
        raise TypeError(f"input_signature: a TensorSpec is expected for each tensor, got {leaf!r}")
    return TensorSpec(leaf.shape, leaf.dtype, getattr(leaf, "name", None))


def export_model(model, filepath, format="tf_saved_model", verbose=None, input_signature=None):
    """Writes a model with one endpoint, ``serve``: its call for inference, for batches of any size.

    Args:
        model: Model, built. filepath: str or path-like, a folder. format: "tf_saved_model", microdl's own files.
        verbose: whether to print what the endpoint takes; None for yes.
        input_signature: list with a TensorSpec, or a structure of them; by default that of the model's inputs.

    Raises: ValueError for another format, a model that is not built, or one whose call cannot be written down.
    """
    if format not in FORMATS:
        raise ValueError(f"Unrecognized format={format}. Supported formats are: {list(FORMATS)}")
    if not model.built:
        raise ValueError("The model provided has not yet been built. It must be built before export.")
    archive = ExportArchive()
    signature = [model._input_specs()] if input_signature is None else input_signature

    def serve(*args):
        return model(*args, training=False)

    def serve_one(args_0, /):  # as Keras names it
        return model(args_0, training=False)

    serve_one.__name__ = "serve"
    archive.track(model)
    archive.add_endpoint("serve", serve_one if len(signature) == 1 else serve, signature)
    archive.write_out(filepath, verbose=verbose in (None, True, 1))
