"""Objects that hold Variables, as checkpoints see them, and restorations that wait for what does not exist yet."""

import weakref

from microdl.core.context import context


class Trackable:
    """Base of what a checkpoint looks into: its attributes, and what lies in their lists, tuples and dicts."""

    def _trackables(self):
        """The parts that a checkpoint may look at: dict from names to values of any kind."""
        return vars(self)

    def _default_function(self):
        """The ``tf.function`` of tensors that a saved model offers if no other is named; None if there is none."""
        return None


class _Waiting:
    """What is to be asked again when something was made: weak references, so that nobody is kept alive by waiting."""

    def __init__(self):
        self.references: list = []

    def add(self, restoration):
        """restoration: object with a method ``look()``: (whether it is still waiting, what it restored just now)."""
        self.references.append(weakref.ref(restoration))

    def look(self):
        """Asks all of them; nothing that they do is part of a graph or a tape. Returns the ids of what was restored."""
        graph, tapes = context.graph, context.tapes
        context.graph, context.tapes = None, ()
        asked, self.references, restored = self.references, [], set()
        try:
            for reference in asked:
                restoration = reference()
                if restoration is not None:
                    still_waiting, objects = restoration.look()
                    restored.update(map(id, objects))
                    self.references += [reference] * still_waiting
        finally:
            context.graph, context.tapes = graph, tapes
        return restored


_waiting = _Waiting()


def wait(restoration):
    """Has ``restoration.look()`` called whenever variables were made, until it is not waiting any more, or dies."""
    _waiting.add(restoration)


def is_awaited():
    """Whether there are restorations that wait."""
    return bool(_waiting.references)


def made():
    """To be called by whoever has just made variables, or attached an object to another.

    Returns: the ids of the objects that were restored thereby.
    """
    return _waiting.look() if _waiting.references else set()
