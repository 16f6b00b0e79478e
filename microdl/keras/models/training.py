"""The loops of a model: ``compile``, ``fit``, ``evaluate``, ``predict``, and the step that each of them repeats."""

import contextlib
from typing import Any

import numpy as np

from microdl.core import nest
from microdl.core.context import context, warn
from microdl.core.tape import GradientTape
from microdl.core.tensor import convert
from microdl.core.variable import Variable
from microdl.keras import optimizers
from microdl.keras.callbacks.base import CallbackList
from microdl.keras.layers.base import Layer
from microdl.keras.layers.described import Hidden
from microdl.keras.layers.nested import placed, unique
from microdl.keras.layers.weights import HasWeights
from microdl.keras.messages import arguments_of, explains_arguments
from microdl.keras.metrics import Mean, Metric
from microdl.keras.models.batches import (
    first_leaf,
    make_batches,
    one_batch,
    split_for_validation,
    unpack_x_y_sample_weight,
    validation_batches,
)
from microdl.keras.models.compiled import CompiledLoss, CompiledMetrics, holds_metrics
from microdl.keras.models.steps import Steps, Trained, floats
from microdl.keras.progress import logger_for
from microdl.ops.math import add_n, reduce_sum


class Trainer(Layer):
    """What a Model can do that a Layer cannot. Subclasses override ``train_step``, ``compute_loss`` and such."""

    optimizer: Any = None
    loss: Any = None
    history: Any = None
    stop_training = False
    _initial_epoch: Any = None  # where ``fit`` goes on, if not where it was told to begin
    _compiled_loss: Any = None
    _compiled_metrics: Any = None
    _loss_tracker: Any = None
    _adds_losses = False  # whether the loss is but what layers added
    _trained: Any = None
    _compiled = 0  # how many times
    _traced: Any = None  # Steps
    _compile_arguments: Any = None
    _state: Any = None  # (changes of what is trained, settings) when they were last looked at
    run_eagerly = False

    @explains_arguments
    def compile(
        self,
        optimizer="rmsprop",
        loss=None,
        loss_weights=None,
        metrics=None,
        weighted_metrics=None,
        run_eagerly=False,
        steps_per_execution=1,
        jit_compile="auto",
        auto_scale_loss=True,
    ):
        """Says how to train: ``fit`` minimises ``loss`` with ``optimizer``.

        Args:
            optimizer: Optimizer or its name. loss: Loss, its name, or a function ``(y_true, y_pred)`` -> losses.
            metrics: list of Metrics, their names, or functions ``(y_true, y_pred)`` -> values. "accuracy" stands for
                the binary, categorical or sparse categorical one that fits the data. weighted_metrics: the same, with
                sample weights. With several outputs, all these are lists with an entry for each output (of metrics:
                a list, or one), or dicts by their names; one loss alone is every output's.
            loss_weights: list or dict, the factors of the outputs' losses in their sum. Metrics in this place, where
                TensorFlow 2 had them, are taken for metrics.
            run_eagerly: run steps as plain Python, to debug them; by default they are traced once for each shape of
                batch (``tf.function``) and replayed.
            steps_per_execution, jit_compile, auto_scale_loss: accepted for Keras's sake: steps run one by one, all is
                compiled anyway, and losses are never scaled.

        Raises: ValueError for names that do not exist.
        """
        if metrics is None and holds_metrics(loss_weights):
            loss_weights, metrics = None, loss_weights
        self.optimizer = optimizers.get(optimizer)
        self.loss = loss
        names = getattr(self, "output_names", None)
        self._compiled_loss = None if loss is None else CompiledLoss(loss, loss_weights, names)
        self._compiled_metrics = CompiledMetrics(metrics, weighted_metrics, names)
        self._loss_tracker = Mean(name="loss")
        self.stop_training = False
        self.run_eagerly = bool(run_eagerly)
        given = {"loss": loss, "metrics": metrics, "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly}
        self._compile_arguments = Hidden(given if loss_weights is None else {**given, "loss_weights": loss_weights})
        self._compiled += 1
        self._traced = self._state = None

    def get_compile_config(self):
        """What ``compile`` was given, the optimizer as it is now: dict, or None for a ``compile`` of a subclass."""
        if self._compile_arguments is None or type(self).compile is not Trainer.compile:
            return None
        return {"optimizer": self.optimizer, **self._compile_arguments.value}

    def compile_from_config(self, config):
        """Compiles as ``get_compile_config`` said; what it holds beyond ``compile``'s arguments must be unset."""
        known = arguments_of(Trainer.compile)
        unset = (None, False, 1, "auto", {}, [])  # what Keras 3 writes for its further arguments
        self.compile(**{key: value for key, value in config.items() if key in known or value not in unset})

    @explains_arguments
    def fit(
        self,
        x=None,
        y=None,
        batch_size=None,
        epochs=1,
        verbose: str | int = "auto",
        callbacks=None,
        validation_split=0.0,
        validation_data=None,
        shuffle=True,
        class_weight=None,
        sample_weight=None,
        initial_epoch=0,
        steps_per_epoch=None,
        validation_steps=None,
        validation_batch_size=None,
        validation_freq=1,
    ):
        """Trains for ``epochs - initial_epoch`` passes over the data.

        Args:
            x: array, Tensor, or list, tuple or dict of them, the first axis counting samples; or an iterable or
                generator of batches ``(x, y)`` or ``(x, y, sample_weight)``, with y and sample_weight left out here.
            y: targets, as x. sample_weight: (N,), each sample's factor in the loss, dimensionless.
            batch_size: int samples per step, 32 by default. epochs: int, the number of the last epoch, from 1.
            verbose: "auto" or 1: a bar on a terminal, else one line an epoch; 2: one line an epoch; 0: nothing.
            callbacks: list of Callbacks. shuffle: bool, a new random order for each epoch (arrays only).
            validation_split: in [0, 1), the fraction of samples at the end that is not trained on but evaluated.
            validation_data: ``(x, y)``, ``(x, y, sample_weight)`` or an iterable of batches; wins over the split.
            class_weight: dict from class numbers to factors in the loss; classes that it lacks have 1.
            initial_epoch: int, epochs that earlier calls did. steps_per_epoch: int batches, None for all.
            validation_steps, validation_batch_size: as for the training data.
            validation_freq: int n for every n-th epoch, or the epochs' numbers, from 1.

        Returns: a History, whose ``history`` has a list with a value an epoch for "loss", each metric, "val_loss"...

        Raises:
            RuntimeError: if ``compile`` was not called. ValueError: if data are missing or their lengths differ.
        """
        self._require_compiled("fit")
        if validation_data is None and validation_split:
            (x, y, sample_weight), validation_data = split_for_validation("fit", x, y, sample_weight, validation_split)
        batches = make_batches("fit", x, y, sample_weight, batch_size, steps_per_epoch, shuffle, class_weight)
        validation = None
        if validation_data is not None:
            needs_y = self._compiled_loss is not None and type(self).test_step is Trainer.test_step
            size = validation_batch_size or batch_size
            validation = validation_batches(validation_data, size, validation_steps, needs_y)
        with self._watched(callbacks, verbose, add_history=True, epochs=epochs, steps=batches.steps) as watchers:
            self._fit(batches, validation, validation_freq, range(initial_epoch, epochs), watchers)
        return watchers.history

    def _fit(self, batches, validation, validation_freq, epochs, watchers):
        logs = {}
        self.stop_training = False
        watchers.call("on_train_begin", {})
        if self._initial_epoch is not None:  # a callback brought back an earlier training
            epochs, self._initial_epoch = range(self._initial_epoch, epochs.stop), None
        for epoch in epochs:
            self.reset_metrics()
            watchers.call("on_epoch_begin", epoch, {})
            steps, logs = self._repeat("train", self._train, batches, watchers)
            if not steps:
                if epoch == epochs.start:
                    raise ValueError("fit: x yields no batches")
                warn(
                    f"fit: x ended with epoch {epoch}; for more epochs give something that can be iterated over again, "
                    "or steps_per_epoch"
                )
                break
            watchers.params["steps"] = steps  # an iterable's number of batches is known from its first epoch on
            if validation is not None and _is_due(validation_freq, epoch + 1):
                logs |= {f"val_{name}": value for name, value in self._evaluate(validation, watchers).items()}
            watchers.call("on_epoch_end", epoch, logs)
            if self.stop_training:
                break
        if hasattr(self.optimizer, "finalize_variable_values"):
            self.optimizer.finalize_variable_values()
        watchers.call("on_train_end", logs)

    @explains_arguments
    def evaluate(
        self,
        x=None,
        y=None,
        batch_size=None,
        verbose: str | int = "auto",
        sample_weight=None,
        steps=None,
        callbacks=None,
        return_dict=False,
    ):
        """Loss and metrics over data, without training.

        Args: as for ``fit``. steps: int batches, None for all.
        Returns: a dict from names to floats if ``return_dict``; else the loss, or a list of loss and metrics.
        """
        self._require_compiled("evaluate")
        batches = make_batches("evaluate", x, y, sample_weight, batch_size, steps)
        with self._watched(callbacks, verbose, steps=batches.steps) as watchers:
            logs = self._evaluate(batches, watchers)
        return logs if return_dict else self._in_order(logs)

    def _in_order(self, logs):
        """The values of logs as ``evaluate`` gives them: in the order of ``metrics``, then those of single outputs."""
        first = [name for name, metric in self._named_metrics().items() if name == metric.name and name in logs]
        values = [logs[name] for name in first] + [logs[name] for name in sorted(logs) if name not in first]
        return values[0] if len(values) == 1 else values

    def _evaluate(self, batches, watchers):
        self.reset_metrics()
        batches.restart()  # each evaluation is of the same batches, even if ``steps`` are fewer than there are
        watchers.call("on_test_begin", {})
        steps, logs = self._repeat("test", self._test, batches, watchers)
        if not steps:
            raise ValueError("evaluate: x yields no batches")
        watchers.call("on_test_end", logs)
        return logs

    @explains_arguments
    def predict(self, x, batch_size=None, verbose: str | int = "auto", steps=None, callbacks=None):
        """The model's outputs for ``x`` (as for ``fit``), batch after batch, as one array or a structure of arrays."""
        batches = make_batches("predict", x, batch_size=batch_size, steps=steps)
        outputs = []

        def step(batch):
            outputs.append(_map(lambda y: y.numpy(), self._predict(batch)))
            return {"outputs": outputs[-1]}

        with self._watched(callbacks, verbose, steps=batches.steps) as watchers:
            watchers.call("on_predict_begin", {})
            self._repeat("predict", step, batches, watchers)
            if not outputs:
                raise ValueError("predict: x yields no batches")
            watchers.call("on_predict_end", {})
        leaves = zip(*map(nest.flatten, outputs), strict=True)
        return nest.pack_as(outputs[0], [np.concatenate(parts) for parts in leaves])

    def _repeat(self, kind, step, batches, watchers):
        """``step`` on every batch of an epoch. Returns how many there were, and the last step's logs as floats."""
        begin, end = f"on_{kind}_batch_begin", f"on_{kind}_batch_end"
        count, logs = 0, {}
        for count, batch in enumerate(batches.epoch(), 1):
            watchers.call(begin, count - 1, {})
            logs = floats(step(batch))
            watchers.call(end, count - 1, logs)
            if self.stop_training and kind == "train":
                break
        return count, logs

    @contextlib.contextmanager
    def _watched(self, callbacks, verbose, add_history=False, **params):
        """A CallbackList with a progress bar, whose line is ended properly if the loop within is interrupted."""
        logger = logger_for(verbose)
        given = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks] if callbacks else []
        watchers = CallbackList(given + [logger] * bool(logger), add_history, self, verbose=verbose, **params)
        try:
            yield watchers
        except BaseException:
            if logger:
                logger.abandon()
            raise

    # A step as the loops run it: traced, unless ``run_eagerly``.

    def _train(self, data):
        return self.train_step(data) if self.run_eagerly else self._steps().train(data, self._settings())

    def _test(self, data):
        return self.test_step(data) if self.run_eagerly else self._steps().test(data, self._settings())

    def _predict(self, data):
        return self.predict_step(data) if self.run_eagerly else self._steps().predict(data, self._settings())

    def _steps(self):
        if self._traced is None:
            self._traced = Steps(self)
        return self._traced

    def _settings(self):
        """What a trace depends on besides the batch: the latest ``compile``, and which variables are trained."""
        changes = HasWeights.freezes + Variable.settings
        if self._chooses or self._state is None or self._state[0] != changes:
            variables = self.trainable_variables
            self._trained = Trained(None, variables)
            self._state = changes, f"compiled {self._compiled}, trains {[v.uid for v in variables]}"
        return self._state[1]

    @property
    def _chooses(self):
        """Whether a subclass says by itself what is trained."""
        return type(self).trainable_variables is not Trainer.trainable_variables

    def train_step(self, data):
        """One step of training on a batch: forward, backward, update.

        Args: data: ``x``, ``(x, y)`` or ``(x, y, sample_weight)`` of Tensors.
        Returns: dict from names to the running means of loss and metrics.
        """
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        with GradientTape() as tape:
            y_pred = self(x, training=True)
            loss = self._tracked_loss(x, y, y_pred, sample_weight, training=True)
        variables = self._to_train(tape)
        self.optimizer.minimize(loss, variables, tape=tape)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def _to_train(self, tape):
        """``trainable_variables``, looked for again if a step reads others than the last, or a subclass chooses."""
        if self._chooses and context.graph is not None:
            return self._trained.variables  # as asked for before this trace
        read = [v.uid for v in tape.watched_variables()]
        if self._chooses or self._trained is None or self._trained.read != read:
            variables = self.trainable_variables
            if not variables:
                raise ValueError(f"fit: model {self.name!r} has no trainable weights")
            self._trained = Trained(read, variables)
        return self._trained.variables

    def test_step(self, data):
        """Evaluates a batch. Arguments and result as for ``train_step``."""
        x, y, sample_weight = unpack_x_y_sample_weight(data)
        y_pred = self(x, training=False)
        if self._has_loss or self.losses:
            self._tracked_loss(x, y, y_pred, sample_weight, training=False)
        return self.compute_metrics(x, y, y_pred, sample_weight)

    def predict_step(self, data):
        """The outputs for a batch."""
        return self._given(self(unpack_x_y_sample_weight(data)[0], training=False))

    def _tracked_loss(self, x, y, y_pred, sample_weight, training):
        loss = self.compute_loss(x=x, y=y, y_pred=y_pred, sample_weight=sample_weight, training=training)
        self._adds_losses = self._compiled_loss is None
        self._loss_tracker.update_state(loss, sample_weight=float(first_leaf(x).shape[0]))
        return loss

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The loss of a batch, a scalar Tensor: the compiled loss, the mean over the batch, and ``self.losses``."""
        added = self.losses
        if self._compiled_loss is None and not added:
            raise ValueError(f"model {self.name!r} has no loss: call compile(loss=...) first, or add_loss in its call")
        parts = [reduce_sum(loss) if loss.ndim else loss for loss in map(convert, added)]
        if self._compiled_loss is not None:
            parts.insert(0, self._compiled_loss(y, self._given(y_pred), sample_weight))
        return parts[0] if len(parts) == 1 else add_n(parts)

    def _given(self, y_pred):
        if y_pred is None:
            raise ValueError(f"model {self.name!r} ({type(self).__name__}) gave None: does call return its result?")
        return y_pred

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Updates the compiled metrics with a batch and returns the running means of loss and metrics by name."""
        if self._compiled_metrics.given:
            self._compiled_metrics.update_state(y, self._given(y_pred), sample_weight)
        return self.get_metrics_result()

    @property
    def metrics(self):
        """The loss's running mean, the compiled metrics, and Metrics that are attributes of the model."""
        found = [self._loss_tracker] * self._has_loss
        found += self._compiled_loss.trackers if self._compiled_loss else []
        found += self._compiled_metrics.metrics if self._compiled_metrics else []
        for _, layer, _ in self._tree():
            if layer is self or not isinstance(layer, Trainer):  # a model has its metrics for itself
                own = placed(Metric, {name: x for name, x in vars(layer).items() if name != "_loss_tracker"})
                found += [metric for _, metric in own]
        return unique(found)

    @property
    def metrics_names(self):
        """What the values of ``metrics`` are called in logs."""
        return list(self._named_metrics())

    def _named_metrics(self):
        names = {id(x): name for name, x in self._compiled_metrics.by_name.items()} if self._compiled_metrics else {}
        return {names.get(id(metric), metric.name): metric for metric in self.metrics}

    @property
    def _has_loss(self):
        return self._loss_tracker is not None and (
            self._compiled_loss is not None or self._adds_losses or type(self).compute_loss is not Trainer.compute_loss
        )

    def get_metrics_result(self):
        """The running means of loss and metrics: dict from names to scalar Tensors."""
        return {name: metric.result() for name, metric in self._named_metrics().items()}

    def reset_metrics(self):
        """Starts the running means of loss and metrics anew."""
        for metric in self.metrics:
            metric.reset_state()

    @explains_arguments
    def train_on_batch(self, x, y=None, sample_weight=None, class_weight=None, return_dict=False):
        """One training step on one batch. Returns its loss and metrics, before the step, as ``evaluate`` does."""
        self._require_compiled("train_on_batch")
        self.reset_metrics()
        logs = self._train(one_batch("train_on_batch", x, y, sample_weight, class_weight))
        return self._results(logs, return_dict)

    @explains_arguments
    def test_on_batch(self, x, y=None, sample_weight=None, return_dict=False):
        """Loss and metrics of one batch, without training. Returns as ``evaluate`` does."""
        self._require_compiled("test_on_batch")
        self.reset_metrics()
        return self._results(self._test(one_batch("test_on_batch", x, y, sample_weight)), return_dict)

    def predict_on_batch(self, x):
        """The model's outputs for one batch, as arrays."""
        return _map(lambda y: y.numpy(), self._predict(one_batch("predict_on_batch", x)))

    def _results(self, logs, return_dict):
        logs = floats(logs)
        return logs if return_dict else self._in_order(logs)

    def _require_compiled(self, caller):
        if self.optimizer is None:
            text = f"{caller}: model {self.name!r} is not compiled: call compile(optimizer=..., loss=...) first"
            raise RuntimeError(text)


def _is_due(frequency, epoch):
    return epoch % frequency == 0 if isinstance(frequency, int) else epoch in frequency


def _map(function, structure):
    return nest.pack_as(structure, [function(convert(leaf)) for leaf in nest.flatten(structure)])
