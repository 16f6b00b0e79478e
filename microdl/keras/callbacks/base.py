"""What callbacks have in common, and how several are called as one."""

import functools
from typing import Any


class Callback:
    """The base class: override the methods whose moments matter.

    Attributes:
        model: the Model that runs.
        params: dict with ``epochs`` (int), ``steps`` (int batches per epoch, None while unknown) and ``verbose``.

    ``logs`` is a dict from the names of the loss and the metrics to floats: running means over the epoch so far for a
    batch, final values (with ``val_`` ones, if there are validation data) for an epoch. ``epoch`` and ``batch`` count
    from 0. Setting ``self.model.stop_training = True`` ends training after the running batch. ``on_batch_begin`` and
    ``on_batch_end`` are other names of ``on_train_batch_begin`` and ``on_train_batch_end``.
    """

    def __init_subclass__(cls, **options):
        super().__init_subclass__(**options)
        for moment in ("begin", "end"):
            if f"on_batch_{moment}" in cls.__dict__ and f"on_train_batch_{moment}" not in cls.__dict__:
                setattr(cls, f"on_train_batch_{moment}", getattr(cls, f"on_batch_{moment}"))

    def __init__(self):
        self.model: Any = None
        self.params: dict = {}

    def set_model(self, model):
        self.model = model

    def set_params(self, params):
        self.params = params

    def on_train_begin(self, logs=None):
        """Before the first epoch; ``logs`` is empty."""

    def on_train_end(self, logs=None):
        """After the last epoch; ``logs`` are those of that epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        """Before an epoch's first batch."""

    def on_epoch_end(self, epoch, logs=None):
        """After an epoch's last batch and its validation."""

    def on_train_batch_begin(self, batch, logs=None):
        """Before a training step."""

    def on_train_batch_end(self, batch, logs=None):
        """After a training step."""

    def on_test_begin(self, logs=None):
        """Before an evaluation, also that of the validation data within training."""

    def on_test_end(self, logs=None):
        """After an evaluation; ``logs`` are its results."""

    def on_test_batch_begin(self, batch, logs=None):
        """Before a batch is evaluated."""

    def on_test_batch_end(self, batch, logs=None):
        """After a batch was evaluated."""

    def on_predict_begin(self, logs=None):
        """Before a prediction."""

    def on_predict_end(self, logs=None):
        """After a prediction."""

    def on_predict_batch_begin(self, batch, logs=None):
        """Before a batch is predicted."""

    def on_predict_batch_end(self, batch, logs=None):
        """After a batch was predicted; ``logs["outputs"]`` are its arrays."""


class History(Callback):
    """Keeps every epoch's logs; ``fit`` adds one by itself and returns it.

    Attributes:
        epoch: list of the epochs' numbers, from 0.
        history: dict from each name in the logs to the list of its values, one an epoch.
    """

    def __init__(self):
        super().__init__()
        self.epoch, self.history = [], {}

    def on_train_begin(self, logs=None):
        self.epoch, self.history = [], {}

    def on_epoch_end(self, epoch, logs=None):
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        self.model.history = self


class CallbackList:
    """Several callbacks called as one, in their order: it has the methods of a Callback.

    Args:
        callbacks: Callback, list of them, or None. add_history: bool, whether to append a History if there is none.
        model: Model that they watch. params: see Callback.
    """

    def __init__(self, callbacks=None, add_history=False, model=None, **params):
        self.callbacks = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
        for callback in self.callbacks:
            if not isinstance(callback, Callback):
                raise TypeError(f"callbacks: a keras.callbacks.Callback is expected, got {_described(callback)}")
        self.history = next((c for c in self.callbacks if isinstance(c, History)), None)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        self.params: dict = {}
        self.model: Any = None
        self.set_model(model)
        self.set_params(params)
        self._listeners = {}  # hook -> the methods that do something: batches are frequent, most callbacks ignore them

    def set_model(self, model):
        """Says which model runs."""
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params):
        """Says how it runs: one dict for all."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def append(self, callback):
        """One more."""
        self.callbacks.append(callback)
        callback.set_model(self.model)
        callback.set_params(self.params)
        self._listeners = {}

    def __getattr__(self, name):
        if name.startswith("on_") and hasattr(Callback, name):
            return functools.partial(self.call, name)
        raise AttributeError(f"CallbackList has no attribute {name!r}")

    def call(self, hook, *args):
        """Calls the method ``hook`` of every callback that overrides it."""
        listeners = self._listeners.get(hook)
        if listeners is None:
            inherited = getattr(Callback, hook)
            bound = [getattr(callback, hook) for callback in self.callbacks]
            listeners = [method for method in bound if getattr(method, "__func__", method) is not inherited]
            self._listeners[hook] = listeners
        for listener in listeners:
            listener(*args)


def _described(value):
    text = f"{value!r} of type {type(value).__name__}"
    return f"{text}: make an instance of it" if isinstance(value, type) else text
