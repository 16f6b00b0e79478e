"""What ``compile`` was given, turned into Losses and Metrics when the first batch shows what they are to compare.

A model may have several outputs, in a list or dict. What is given for them (losses, metrics, weights, targets) is then
a list in their order or a dict by their names, those of the model's last layers or the dict's keys.
"""

from microdl.core import nest
from microdl.keras import losses, metrics
from microdl.ops.math import add_n

BY_SHAPE = ("accuracy", "acc", "crossentropy", "ce")  # names that stand for several; the data decide for which


class CompiledLoss:
    """The loss of a model: the weighted sum of those of its outputs.

    Args: identifier, weights: as ``loss`` and ``loss_weights`` for ``Model.compile``. names: of the outputs, if known.
    """

    def __init__(self, identifier, weights=None, names=None):
        if isinstance(identifier, (list, tuple)) and len(identifier) == 1:
            identifier = identifier[0]
        for one in _leaves(identifier):
            if one is not None or not isinstance(identifier, (list, tuple, dict)):
                _check(losses, "loss", one)
        self._identifier, self._weights, self._names = identifier, weights, names
        self._made = []  # for each output: (Loss or None, factor or None)
        self._trackers = {}

    def __call__(self, y_true, y_pred, sample_weight=None):
        """The loss of a batch, a scalar Tensor."""
        if y_true is None:
            raise ValueError("the loss needs targets, but no y was given: fit(x, y), or batches (x, y)")
        names = names_of(self._names, y_pred)
        predictions = nest.flatten(y_pred)
        given = _by_output("loss", self._identifier, names)
        wanted = [name for name, one in zip(names, given, strict=True) if one is not None]
        targets = _targets(y_true, names, wanted)
        if not self._made:
            self._make(given, targets, predictions, names)
        weights = _by_output("sample_weight", sample_weight, names)
        parts, found = [], zip(self._made, targets, predictions, weights, strict=True)
        for name, ((loss, factor), target, prediction, weight) in zip(names, found, strict=True):
            if loss is not None:
                part = loss(target, prediction, weight)
                if self._trackers:  # batches count alike, as in Keras, which does not know their sizes here
                    self._trackers[name].update_state(part)
                parts.append((part, factor))
        parts = [part if factor is None else part * factor for part, factor in parts]
        return parts[0] if len(parts) == 1 else add_n(parts)

    def _make(self, given, targets, predictions, names):
        made = []
        for identifier, target, prediction in zip(given, targets, predictions, strict=True):
            made.append(None if identifier is None else losses.get_for(identifier, target, prediction))
        if not any(loss is not None for loss in made):
            raise ValueError(f"compile: there is a loss for none of the outputs {names}: {self._identifier!r}")
        weights = _by_output("loss_weights", self._weights, names)
        self._made = list(zip(made, weights, strict=True))
        with_loss = [name for name, loss in zip(names, made, strict=True) if loss is not None]
        if len(with_loss) > 1:
            ordered = self._identifier if isinstance(self._identifier, dict) else names
            self._trackers = {name: metrics.Mean(name=f"{name}_loss") for name in ordered if name in with_loss}

    @property
    def trackers(self):
        """A running mean for each output's loss, if there are several; known from the first batch on."""
        return list(self._trackers.values())


class CompiledMetrics:
    """The metrics of a model's outputs. ``unweighted``, ``weighted``: lists or dicts, as for ``Model.compile``.

    Attributes: given: pairs (what was asked for, whether sample weights count); empty if there are no metrics.
        name: its own, as long as it stands for the metrics that are not made yet.
    """

    name = "compile_metrics"

    def __init__(self, unweighted=None, weighted=None, names=None):
        self._names = names
        self.given = [(one, False) for one in _listed(unweighted)] + [(one, True) for one in _listed(weighted)]
        for identifier, _ in self.given:
            _check(metrics, "metric", identifier)
        self._groups = (unweighted, False), (weighted, True)
        self._made = None  # (which output, name in logs, Metric, whether sample weights count)

    @property
    def metrics(self):
        """The Metrics; before the first batch this object, which has their methods, in their place."""
        if self._made is None:
            return [self] if self.given else []
        return list(self.by_name.values())

    @property
    def by_name(self):
        """The Metrics by their names in logs; none before the first batch."""
        return {name: metric for _, name, metric, _ in self._made or []}

    def result(self):
        """The running means by their names in logs."""
        return {name: metric.result() for name, metric in self.by_name.items()}

    def reset_state(self):
        """Starts the running means anew."""
        for metric in self.by_name.values():
            metric.reset_state()

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds a batch to every metric, which the first one makes."""
        if y_true is None:
            raise ValueError("metrics need targets, but no y was given: fit(x, y), or batches (x, y)")
        names, predictions = names_of(self._names, y_pred), nest.flatten(y_pred)
        if self._made is None:
            asked = self._asked(names)
            targets = _targets(y_true, names, [names[i] for i, _, _ in asked])
            self._made = []
            for i, identifier, is_weighted in asked:
                metric = metrics.get_for(identifier, targets[i], predictions[i])
                output = "" if len(names) == 1 else f"{names[i]}_"
                self._made.append((i, self._free_name(output, metric.name, is_weighted), metric, is_weighted))
        targets = _targets(y_true, names, [names[i] for i, *_ in self._made])
        weights = _by_output("sample_weight", sample_weight, names)
        for i, _, metric, is_weighted in self._made:
            metric.update_state(targets[i], predictions[i], weights[i] if is_weighted else None)

    def _asked(self, names):
        """(which output, what was asked for, whether sample weights count)"""
        return [
            (i, identifier, is_weighted)
            for given, is_weighted in self._groups
            for i, identifiers in enumerate(_metrics_by_output(given, names))
            for identifier in (identifiers if isinstance(identifiers, (list, tuple)) else [identifiers])
            if identifier is not None
        ]

    def _free_name(self, output, name, is_weighted):
        """A metric's name in logs; where an earlier one has it, with "weighted_" before or a number behind."""
        taken = self.by_name
        if is_weighted and output + name in taken:
            name = f"weighted_{name}"
        free, count = output + name, 0
        while free in taken:
            count += 1
            free = f"{output}{name}_{count}"
        return free


def holds_metrics(given):
    """Whether what was given for ``loss_weights`` are metrics."""
    return any(isinstance(one, str) or callable(one) for one in _leaves(given))


def names_of(names, y_pred):
    """The names of a model's outputs: given ones, a dict's keys, else "output_1", "output_2"..."""
    leaves = nest.flatten(y_pred)
    if isinstance(y_pred, dict) and len(y_pred) == len(leaves):
        return nest.sorted_keys(y_pred)
    if names is not None and len(names) == len(leaves) == len(set(names)):
        return names
    return [f"output_{i + 1}" for i in range(len(leaves))]


def _by_output(what, given, names) -> list:
    """What is given for each output: by name, in their order, or one for all."""
    if isinstance(given, dict) and "class_name" not in given:
        unknown = [name for name in given if name not in names]
        if unknown:
            raise ValueError(f"{what}: there are no outputs {unknown}; the model has {list(names)}")
        return [given.get(name) for name in names]
    if isinstance(given, (list, tuple)):
        if len(given) != len(names):
            raise ValueError(f"{what}: a list needs one entry for each of the outputs {list(names)}, got {len(given)}")
        return list(given)
    return [given] * len(names)


def _metrics_by_output(given, names):
    if given is None or isinstance(given, dict):
        return _by_output("metrics", given, names)
    if len(names) == 1:
        return [given[0] if len(given) == 1 and isinstance(given[0], (list, tuple)) else given]
    if len(given) != len(names):
        raise ValueError(
            f"metrics: with several outputs {list(names)} a list needs one entry (a metric, or a list of them) for "
            f"each, got {len(given)}; or give a dict by their names"
        )
    return list(given)


def _targets(y_true, names, wanted):
    """The target of each output; those that are not ``wanted`` (names) may be missing."""
    if isinstance(y_true, dict):
        missing = [name for name in wanted if name not in y_true]
        if missing:
            raise ValueError(f"there are no targets for the outputs {missing}: y is a dict with {list(y_true)}")
        return [y_true.get(name) for name in names]
    leaves = nest.flatten(y_true)
    if len(leaves) == len(names):
        return leaves
    if len(leaves) == len(wanted):
        found = dict(zip(wanted, leaves, strict=True))
        return [found.get(name) for name in names]
    raise ValueError(f"there are {len(names)} outputs ({', '.join(map(str, names))}) but {len(leaves)} targets")


def _leaves(identifier):
    """The single losses or metrics in nested lists and dicts; a serialized one is a dict, too."""
    if isinstance(identifier, dict) and "class_name" not in identifier:
        return [leaf for part in identifier.values() for leaf in _leaves(part)]
    if isinstance(identifier, (list, tuple)):
        return [leaf for part in identifier for leaf in _leaves(part)]
    return [identifier]


def _listed(identifiers):
    if identifiers is None:
        return []
    if not isinstance(identifiers, (list, tuple, dict)):
        raise TypeError(f"compile: metrics are given as a list, got {identifiers!r}")
    nested = isinstance(identifiers, dict) or any(isinstance(one, (list, tuple)) for one in identifiers)
    return [one for one in _leaves(identifiers) if not (nested and one is None)]


def _check(module, kind, identifier):
    """Raises ValueError or TypeError for a name that does not exist and for None."""
    if identifier is None:
        raise ValueError(f"compile: a {kind} is expected, got None")
    if not (isinstance(identifier, str) and identifier.lower() in BY_SHAPE):
        module.get(identifier)
