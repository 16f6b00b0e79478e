"""What the loops of a model keep from step to step."""

import numpy as np

from microdl.compile.function import Function
from microdl.compile.source import called


class Trained:
    """What a step updates, and the uids of the Variables that it read. No list: those of a model are searched."""

    def __init__(self, read, variables):
        self.read, self.variables = read, variables


class Steps:
    """A model's steps, traced. Each ``compile`` has its own: their first traces may make slots and metrics."""

    def __init__(self, model):
        self.model = model

    @Function
    def train(self, data, settings):
        return called(self.model.train_step)(data)

    @Function
    def test(self, data, settings):
        return called(self.model.test_step)(data)

    @Function
    def predict(self, data, settings):
        return called(self.model.predict_step)(data)


def floats(logs):
    """Logs as floats; what stands in a dict of several metrics comes under its own names."""
    found = {}
    for name, value in sorted(logs.items()):
        found.update(floats(value) if isinstance(value, dict) and name != "outputs" else {name: _as_float(value)})
    return found


def _as_float(value):
    """A metric's value as a float; values of other kinds (what ``predict`` logs, say) as they are."""
    return value if isinstance(value, (dict, list, tuple)) or np.ndim(value) else float(value)
