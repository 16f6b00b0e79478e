"""``tf.summary.experimental``: the step that summaries have which are given none, and names of scopes."""

import contextlib

from microdl.ops.scopes import name_scope
from microdl.summary.writers import raw_pb, state


def get_step():
    """The default step: an int, a Variable, or None."""
    return state.step


def set_step(step):
    """Sets the default step of this thread: an int, a Variable that is read whenever something is written, or None.

    A traced function keeps an int that it was traced with; a Variable it reads anew in each call.
    """
    state.step = step


@contextlib.contextmanager
def summary_scope(name, default_name="summary", values=None):
    """A context of names: gives ``(tag, scope)``, the tag ``name`` after the name scopes around it."""
    with name_scope(name or default_name) as scope:
        yield scope.rstrip("/"), scope


def write_raw_pb(tensor, step=None, name=None):
    """Writes a serialized Summary, bytes. Returns whether it was written."""
    return raw_pb(tensor, step)
