"""Objects that hold Variables, as checkpoints see them, and restorations that wait for what does not exist yet."""

import weakref

from microdl.core.context import context


class Trackable:
    """Base of what a checkpoint looks into: its attributes, and what lies in their lists, tuples and dicts."""

    def _trackables(self):
        """The parts that a checkpoint may look at: dict from names to values of any kind."""
        return vars(self)


class _Waiting:
    """What is to be asked again when something was made: weak references, so that nobody is kept alive by waiting."""

    def __init__(self):
        self.references: list = []

    def add(self, restoration):
        """restoration: object with a method ``look()`` that gives whether it is still waiting."""
        self.references.append(weakref.ref(restoration))

    def look(self):
        """Asks all of them; nothing that they do is part of a graph or a tape."""
        graph, tapes = context.graph, context.tapes
        context.graph, context.tapes = None, ()
        asked, self.references = self.references, []
        try:
            for reference in asked:
                restoration = reference()
                if restoration is not None and restoration.look():
                    self.references.append(reference)
        finally:
            context.graph, context.tapes = graph, tapes


_waiting = _Waiting()


def wait(restoration):
    """Has ``restoration.look()`` called whenever variables were made, until it gives False or dies."""
    _waiting.add(restoration)


def made():
    """To be called by whoever has just made variables, or attached an object to another."""
    if _waiting.references:
        _waiting.look()
