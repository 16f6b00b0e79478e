"""A saved model as a layer."""

from microdl.core.variable import Variable
from microdl.keras.layers.base import Layer
from microdl.saving.saved_model import load


class TFSMLayer(Layer):
    """What ``model.export`` or ``tf.saved_model.save`` wrote, as a layer: for inference, or to be trained further.

    Args:
        filepath: str or path-like, the folder. call_endpoint: name of the function that calls lead to, or of a
            signature. call_training_endpoint: likewise for calls with ``training=True``; None for the same one.

    Raises: ValueError if there is no such function. As for ``tf.saved_model.load``.

    >>> keras.Sequential([keras.Input((4,)), keras.layers.TFSMLayer("served")]).predict(np.ones((1, 4)))
    """

    _config = ("filepath", "call_endpoint", "call_training_endpoint")

    def __init__(self, filepath, call_endpoint="serve", call_training_endpoint=None, trainable=True, **kwargs):
        super().__init__(trainable=trainable, **kwargs)
        self.filepath, self.call_endpoint = filepath, call_endpoint
        self.call_training_endpoint = call_training_endpoint
        self._loaded = load(filepath)
        self._functions = {name: self._endpoint(name) for name in (call_endpoint, call_training_endpoint) if name}
        found: dict[int, Variable] = {}
        for function in self._functions.values():
            traced = getattr(function, "concrete_functions", None) or [function.concrete]
            found.update((v.uid, v) for concrete in traced for v in concrete.variables)
        self._weights += found.values()
        self.built = True

    def _endpoint(self, name):
        found = getattr(self._loaded, name, None) or self._loaded.signatures.get(name)
        if found is None:
            raise ValueError(
                f"The endpoint '{name}' is neither an attribute of the reloaded SavedModel, nor an entry in the "
                "`signatures` field of the reloaded SavedModel. Select another endpoint via the `call_endpoint` "
                f"argument. Available endpoints for this SavedModel: {list(self._loaded.signatures)}"
            )
        return found

    def call(self, inputs, training=False):
        return self._functions[(training and self.call_training_endpoint) or self.call_endpoint](inputs)
