"""What ``compile`` was given, turned into Losses and Metrics when the first batch shows what they are to compare."""

from typing import Any

from microdl.core import nest
from microdl.keras import losses, metrics

BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")  # names that stand for several; the data decide for which


class CompiledLoss:
    """The loss of a model with one output. ``identifier``: as for ``Model.compile``."""

    def __init__(self, identifier):
        if isinstance(identifier, (list, tuple)) and len(identifier) == 1:
            identifier = identifier[0]
        _check(losses, "loss", identifier)
        self._identifier = identifier
        self._loss: Any = None

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss of a batch, a scalar Tensor."""
        if y_true is None:
            raise ValueError("the loss needs targets, but no y was given: fit(x, y), or batches (x, y)")
        y_true, y_pred = _single(y_true, "targets"), _single(y_pred, "outputs")
        if self._loss is None:
            self._loss = losses.get_for(self._identifier, y_true, y_pred)
        return self._loss(y_true, y_pred, sample_weight)


class CompiledMetrics:
    """The metrics of a model with one output. ``unweighted``, ``weighted``: lists, as for ``Model.compile``.

    Attributes: given: pairs (what was asked for, whether sample weights count); empty if there are no metrics.
    """

    def __init__(self, unweighted=None, weighted=None):
        self.given = [(identifier, False) for identifier in _listed(unweighted)]
        self.given += [(identifier, True) for identifier in _listed(weighted)]
        for identifier, _ in self.given:
            _check(metrics, "metric", identifier)
        self._made = None  # pairs (Metric, whether sample weights count)

    @property
    def metrics(self):
        """The Metrics; none before the first batch."""
        return [metric for metric, _ in self._made or []]

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch to every metric."""
        if y_true is None:
            raise ValueError("metrics need targets, but no y was given: fit(x, y), or batches (x, y)")
        y_true, y_pred = _single(y_true, "targets"), _single(y_pred, "outputs")
        if self._made is None:
            self._made = [(metrics.get_for(given, y_true, y_pred), is_weighted) for given, is_weighted in self.given]
        for metric, is_weighted in self._made:
            metric.update_state(y_true, y_pred, sample_weight if is_weighted else None)


def _single(structure, what):
    leaves = nest.flatten(structure)
    if len(leaves) != 1:
        raise ValueError(
            f"compile takes losses and metrics for one output, but there are {len(leaves)} {what}; "
            "override compute_loss and compute_metrics, or train_step"
        )
    return leaves[0]


def _listed(identifiers):
    if identifiers is None:
        return []
    if not isinstance(identifiers, (list, tuple)):
        raise TypeError(f"compile: metrics are given as a list, got {identifiers!r}")
    return list(identifiers)


def _check(module, kind, identifier):
    """Raises ValueError or TypeError for a name that does not exist and for None."""
    if identifier is None:
        raise ValueError(f"compile: a {kind} is expected, got None")
    if not (isinstance(identifier, str) and identifier.lower() in BY_SHAPE):
        module.get(identifier)
