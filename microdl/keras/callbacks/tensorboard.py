"""What TensorBoard shows of a training: numbers, weights, the graph of a step, a profile."""

import contextlib
import os
import time
import warnings
from typing import Any

import numpy as np

from microdl import summary
from microdl.core.optional import require
from microdl.keras.callbacks.base import Callback
from microdl.keras.callbacks.monitor import rate_of
from microdl.summary import records
from microdl.summary.traces import heard, write_profile


class TensorBoard(Callback):
    """Writes events for TensorBoard: ``tensorboard --logdir LOG_DIR``. Needs the package tensorboard.

    Args:
        log_dir: str or path; ``train`` and ``validation`` in it are the runs. histogram_freq: int n, weights as
            histograms every n-th epoch; 0: never. write_graph: the model, and the graph of its first training step.
        write_images: weights as images, too. write_steps_per_second: bool.
        update_freq: "epoch"; "batch" or an int n for the logs of every n-th batch, too. profile_batch: int, or a pair,
            the batches, from 1, of which the trace is written; 0: none.
        embeddings_freq, embeddings_metadata: accepted for Keras's sake; must be 0 and None.
    """

    def __init__(
        self,
        log_dir="logs",
        histogram_freq=0,
        write_graph=True,
        write_images=False,
        write_steps_per_second=False,
        update_freq="epoch",
        profile_batch=0,
        embeddings_freq=0,
        embeddings_metadata=None,
    ):
        super().__init__()
        if embeddings_freq or embeddings_metadata:
            raise ValueError("TensorBoard: embeddings are not in microdl yet, embeddings_freq must be 0")
        require("tensorboard", "the callback TensorBoard")
        self.log_dir, self.histogram_freq, self.write_graph = os.fspath(log_dir), histogram_freq, write_graph
        self.write_images, self.write_steps_per_second = write_images, write_steps_per_second
        self.update_freq: Any = 1 if update_freq == "batch" else update_freq
        self._first, self._last = _batches_to_profile(profile_batch)
        self._writers: dict[str, Any] = {}
        self._batch = self._test_batch = 0  # over all epochs
        self._profile: Any = None
        self._listening = contextlib.ExitStack()
        self._functions: Any = None  # what ran in the first step
        self._epoch_started = self._batch_started = 0.0
        self._steps_before = 0

    def on_train_begin(self, logs=None):
        self._batch = self._steps_before = 0
        if self.write_graph:
            self._write_model()
            self._functions = self._listening.enter_context(heard())

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch_started, self._steps_before = time.perf_counter(), self._batch

    def on_train_batch_begin(self, batch, logs=None):
        self._batch += 1
        self._batch_started = time.perf_counter()
        if self._batch == self._first:
            self._profile = require("microdl.profiler", "TensorBoard(profile_batch)").profile()
            self._profile.__enter__()

    def on_train_batch_end(self, batch, logs=None):
        if self._profile is not None and self._batch >= self._last:
            self._end_profile()
        if self._functions is not None:
            self._write_step()
        if self.update_freq != "epoch" and self._batch % self.update_freq == 0:
            values = {f"batch_{name}": value for name, value in (logs or {}).items()}
            if self.write_steps_per_second:
                values["batch_steps_per_second"] = 1 / (time.perf_counter() - self._batch_started)
            self._scalars("train", values, self._batch)

    def on_test_batch_end(self, batch, logs=None):
        self._test_batch += 1
        if self.update_freq != "epoch" and self._test_batch % self.update_freq == 0:
            self._scalars("validation", {f"batch_{k}": value for k, value in (logs or {}).items()}, self._test_batch)

    def on_test_end(self, logs=None):
        if self.model.optimizer is not None:
            values = {f"evaluation_{name}_vs_iterations": value for name, value in (logs or {}).items()}
            self._scalars("validation", values, self.model.optimizer.iterations.numpy())

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {}, learning_rate=rate_of(self.model.optimizer))
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._epoch_started
            logs["steps_per_second"] = (self._batch - self._steps_before) / seconds
        of_training = {f"epoch_{name}": value for name, value in logs.items() if not name.startswith("val_")}
        of_validation = {f"epoch_{name[4:]}": value for name, value in logs.items() if name.startswith("val_")}
        self._scalars("train", of_training, epoch)
        self._scalars("validation", of_validation, epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)

    def on_train_end(self, logs=None):
        self._listening.close()
        self._functions = None
        if self._profile is not None:
            self._end_profile()
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, run):
        if run not in self._writers:
            self._writers[run] = summary.create_file_writer(os.path.join(self.log_dir, run))
        return self._writers[run]

    def _scalars(self, run, values, step):
        for name, value in values.items():
            if np.ndim(value) == 0:
                self._writer(run).add(step, summary=records.scalar(name, np.float32(value)))
        if values:
            self._writer(run).flush()

    def _write_model(self):
        """The layers, from which TensorBoard draws the "conceptual graph"."""
        if getattr(self.model, "_network", None) is None and type(self.model).__name__ != "Sequential":
            return
        try:
            text = self.model.to_json()
        except (TypeError, ValueError) as error:
            warnings.warn(f"Model failed to serialize as JSON. Ignoring... {error}", stacklevel=2)
            return
        metadata = records.proto("summary").SummaryMetadata()
        metadata.plugin_data.plugin_name, metadata.plugin_data.content = "graph_keras_model", b"1"
        encoded = np.empty((), object)
        encoded[()] = text.encode()
        self._writer("train").add(0, summary=records.tensor("keras", encoded, metadata))

    def _write_step(self):
        functions, self._functions = self._functions, None
        self._listening.close()
        if functions:
            with self._writer("train").as_default():
                summary.graph(max((f.graph for f in functions), key=lambda graph: len(graph.nodes)))

    def _write_weights(self, epoch):
        # Keras names weights by the model around the layer that makes them: a functional model is made of layers with
        # weights of their own.
        within = "" if self.model._network is not None else f"{self.model.name}/"
        with self._writer("train").as_default(epoch):
            for weight in self.model.weights:
                name = within + weight.name.removesuffix(":0").replace(":", "_")
                summary.histogram(f"{name}/histogram", weight)
                if self.write_images and (image := _as_image(weight.numpy())) is not None:
                    summary.image(f"{name}/image", image)

    def _end_profile(self):
        self._profile.__exit__(None, None, None)
        write_profile(self._profile, os.path.join(self.log_dir, "train"), f"batch_{self._last}")
        self._profile = None


def _batches_to_profile(given):
    """The first and the last batch of ``profile_batch``; 0 and 0: none."""
    parts = [int(part) for part in given.split(",")] if isinstance(given, str) else given
    parts = [parts] if isinstance(parts, int) else list(parts)
    first, last = parts if len(parts) == 2 else (parts[0], parts[-1])
    if len(parts) not in (1, 2) or first < 0 or last < first:
        raise ValueError(
            "profile_batch must be a non-negative integer or 2-tuple of positive integers. A pair of positive integers "
            f"signifies a range of batches to profile. Found: {given}"
        )
    return first, last


def _as_image(array):
    """A weight as images, (N, height, width, 1), brighter for larger values; None if it has too many axes.

    A vector is a row, a matrix lies on its longer side, of three axes the last one tells the images apart.
    """
    array = np.squeeze(array)
    if array.ndim == 2 and array.shape[0] > array.shape[1]:
        array = array.T
    if array.ndim == 3:
        array = np.moveaxis(array, -1, 0)
    if array.ndim == 1:
        array = array[None]
    if array.ndim == 2:
        array = array[None]
    return np.asarray(array, np.float32)[..., None] if array.ndim == 3 else None
