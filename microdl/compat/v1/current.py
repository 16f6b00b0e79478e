"""What is current: contexts that set an attribute for a while, the graph that is built, the default session."""

import threading

from microdl.core.context import context


class Set:
    """A context in which an attribute has another value."""

    def __init__(self, owner, attribute, value):
        self._owner, self._attribute, self._value = owner, attribute, value

    def __enter__(self):
        self._before = getattr(self._owner, self._attribute)
        setattr(self._owner, self._attribute, self._value)
        return self._owner

    def __exit__(self, *error):
        setattr(self._owner, self._attribute, self._before)


class _Nothing:
    def __enter__(self):
        pass

    def __exit__(self, *error):
        pass


NOTHING = _Nothing()


class Default(Set):
    def __init__(self, graph):
        super().__init__(context, "graph", graph)
        self._graph = graph

    def __enter__(self):
        super().__enter__()
        return self._graph


_sessions = threading.local()  # those entered by ``with``, the innermost last


class Entered:
    """A context in which a session is the default one."""

    def __init__(self, session):
        self._session = session

    def __enter__(self):
        _sessions.entered = [*getattr(_sessions, "entered", []), self._session]
        return self._session

    def __exit__(self, *error):
        _sessions.entered = [s for s in _sessions.entered if s is not self._session]


def get_default_session():
    """The innermost session entered by ``with``; None if there is none."""
    entered = getattr(_sessions, "entered", [])
    return entered[-1] if entered else None


def chosen_session(what, method, session):
    """``session``, or the default one. Raises ValueError if there is neither, which says ``what`` needs one."""
    session = session or get_default_session()
    if session is None:
        raise ValueError(
            f"Cannot {what}: No default session is registered. Use `with sess.as_default()` or pass an explicit "
            f"session to `{method}(session=sess)`"
        )
    return session
