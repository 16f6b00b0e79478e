"""``tf.flags`` and ``tf.app``: options of scripts, read from the command line when they are first asked for.

>>> DEFINE_integer("steps", 100, "how many steps to train")
>>> FLAGS.steps
100
"""

import argparse
import sys
from typing import Any


class _Flags:
    """The options as attributes. Assigning to one replaces its value."""

    def __init__(self):
        vars(self).update(_parser=argparse.ArgumentParser(), _values=None, _rest=[], _known={})

    def _define(self, name, default, help, kind):
        if name in self._known:
            raise ValueError(f"The flag '{name}' is defined twice.")
        self._known[name] = default
        if kind is bool:
            options = {"nargs": "?", "const": True, "type": _truth}
            self._parser.add_argument(f"--no{name}", dest=name, action="store_false", default=argparse.SUPPRESS)
        else:
            options = {"type": kind}
        self._parser.add_argument(f"--{name}", dest=name, default=default, help=help, **options)
        if self._values is not None:  # read already: what comes later is read, too
            vars(self).update(_values=None)

    def __call__(self, argv, known_only=True):
        """Reads a command line. Returns what is left of it, with the program's name first."""
        values, rest = self._parser.parse_known_args(list(argv)[1:])
        if rest and not known_only:
            raise ValueError(f"Unknown command line flags: {' '.join(rest)}")
        vars(self).update(_values=vars(values), _rest=rest)
        return [argv[0], *rest]

    def _read(self) -> dict[str, Any]:
        if self._values is None:
            self(sys.argv)
        return self._values or {}

    def __getattr__(self, name):
        if name.startswith("__") or name not in self._known:
            raise AttributeError(f"Unknown command line flag '{name}'")
        return self._read()[name]

    def __setattr__(self, name, value):
        if name not in self._known:
            raise AttributeError(f"Unknown command line flag '{name}'")
        self._read()[name] = value

    def flag_values_dict(self):
        return dict(self._read())

    def __contains__(self, name):
        return name in self._known

    def __iter__(self):
        return iter(self._known)


def _truth(text):
    if text.lower() not in ("true", "t", "1", "false", "f", "0"):
        raise argparse.ArgumentTypeError(f"a bool is true or false, got {text!r}")
    return text.lower() in ("true", "t", "1")


FLAGS = _Flags()


def DEFINE_string(name, default, help=None, **kwargs):
    """An option that is a text."""
    FLAGS._define(name, default, help, str)


def DEFINE_integer(name, default, help=None, **kwargs):
    """An option that is a whole number."""
    FLAGS._define(name, default, help, int)


def DEFINE_float(name, default, help=None, **kwargs):
    """An option that is a number."""
    FLAGS._define(name, default, help, float)


def DEFINE_bool(name, default, help=None, **kwargs):
    """An option that is set by ``--name`` or ``--name=true``, and taken back by ``--noname``."""
    FLAGS._define(name, default, help, bool)


DEFINE_boolean = DEFINE_bool


def DEFINE_list(name, default, help=None, **kwargs):
    """An option that is a list of texts with commas between."""
    FLAGS._define(name, default, help, lambda text: text.split(","))


def DEFINE_enum(name, default, enum_values, help=None, **kwargs):
    """An option that is one of ``enum_values``."""

    def one(text):
        if text not in enum_values:
            raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(enum_values)}")
        return text

    FLAGS._define(name, default, help, one)


flags = sys.modules[__name__]  # tf.app.flags


def run(main=None, argv=None):
    """``tf.app.run``: reads the options, calls ``main`` with what is left of the command line, and exits.

    main: by default the function of that name in the script.
    """
    left = FLAGS(sys.argv if argv is None else argv)
    main = main or sys.modules["__main__"].main  # pyright: ignore[reportAttributeAccessIssue]
    sys.exit(main(left))
