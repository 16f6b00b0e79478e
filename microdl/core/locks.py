"""Locks that are free in a forked child.

A child of ``os.fork`` has one thread, the one that forked; locks which others held stay locked there for ever. What
these locks guard is whole whenever Python code can be interrupted, except the numbers of a variable that another thread
was writing to: those are half old, half new in the child.
"""

import os
import threading
import weakref

_all: weakref.WeakSet = weakref.WeakSet()


def new_lock():
    """A ``threading.RLock``; the forked child of a process in which another thread holds it can take it."""
    lock = threading.RLock()
    _all.add(lock)
    return lock


def _after_fork():
    for lock in list(_all):
        if not lock._is_owned():  # the thread that lives on gives back what it holds
            lock._at_fork_reinit()  # as the standard library does with its own


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
