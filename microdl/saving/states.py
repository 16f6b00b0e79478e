"""State beside Variables that checkpoints keep: objects that turn themselves into text, and the random numbers."""

import json
import random

import numpy as np

from microdl.core.random_state import random_state
from microdl.core.trackable import Trackable


class PythonState(Trackable):
    """Base class of objects that a checkpoint keeps as text: ``serialize()`` gives it, ``deserialize(text)`` takes it.

    >>> class Epoch(PythonState):
    ...     number = 0
    ...     def serialize(self):
    ...         return str(self.number)
    ...     def deserialize(self, string_value):
    ...         self.number = int(string_value)
    """

    def serialize(self) -> str:
        raise NotImplementedError(f"{type(self).__name__} must define serialize()")

    def deserialize(self, string_value: str):
        raise NotImplementedError(f"{type(self).__name__} must define deserialize(string_value)")


class RandomState(PythonState):
    """Where the process's random numbers stand: microdl's streams (``tf.random.set_seed``), Python's and NumPy's own.

    In a checkpoint it makes what follows a restart the same as without one, dropout and shuffling included:

    >>> tf.train.Checkpoint(model=model, random=tf.train.RandomState())
    """

    def serialize(self):
        kind, numbers, *rest = np.random.get_state()
        numpy_state = [kind, np.asarray(numbers).tolist(), *rest]
        state = {"microdl": random_state.state(), "python": random.getstate(), "numpy": numpy_state}
        return json.dumps(state)

    def deserialize(self, string_value):
        state = json.loads(string_value)
        random_state.restore(state["microdl"])
        version, numbers, spare = state["python"]
        random.setstate((version, tuple(numbers), spare))
        kind, numbers, *rest = state["numpy"]
        np.random.set_state((kind, np.array(numbers, np.uint32), *rest))
