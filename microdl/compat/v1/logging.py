"""``tf.logging``: messages through Python's logger ``microdl``."""

import itertools
import logging as python_logging
import sys

DEBUG, INFO, WARN, ERROR, FATAL = 10, 20, 30, 40, 50
_logger = python_logging.getLogger("microdl")
_counts = {}


def _prepared():
    """The logger; if nobody has said where messages go, to standard error."""
    if not _logger.handlers and not python_logging.getLogger().handlers:
        handler = python_logging.StreamHandler(sys.stderr)
        handler.setFormatter(python_logging.Formatter("%(levelname)s:%(name)s:%(message)s"))
        _logger.addHandler(handler)
    return _logger


def log(level, msg, *args, **kwargs):
    """Says ``msg % args`` if ``level`` is high enough."""
    _prepared().log(level, msg, *args, **kwargs)


def debug(msg, *args, **kwargs):
    log(DEBUG, msg, *args, **kwargs)


def info(msg, *args, **kwargs):
    log(INFO, msg, *args, **kwargs)


def warn(msg, *args, **kwargs):
    log(WARN, msg, *args, **kwargs)


warning = warn


def error(msg, *args, **kwargs):
    log(ERROR, msg, *args, **kwargs)


def fatal(msg, *args, **kwargs):
    log(FATAL, msg, *args, **kwargs)


def log_every_n(level, msg, n, *args):
    """Says the first of every ``n`` messages of this text."""
    if next(_counts.setdefault(msg, itertools.count())) % n == 0:
        log(level, msg, *args)


def log_if(level, msg, condition, *args):
    if condition:
        log(level, msg, *args)


def flush():
    """Brings what was said to where it goes."""
    for handler in _logger.handlers:
        handler.flush()


def get_verbosity():
    """The lowest level that is said."""
    return _logger.getEffectiveLevel()


def set_verbosity(v):
    _logger.setLevel(v)
