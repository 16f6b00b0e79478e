"""Packages that microdl can do without: imported when what needs them is called."""

import importlib
import importlib.util
import os
import sys


def require(package, purpose):
    """The module ``package`` (a dotted name). Raises ImportError that names the command which installs it."""
    try:
        return importlib.import_module(package)
    except ImportError as error:
        python = os.path.basename(sys.executable) or "python"
        raise ImportError(
            f"{purpose} needs {package.partition('.')[0]}, which is not installed: "
            f"{python} -m pip install {package.partition('.')[0]}"
        ) from error


def is_there(package):
    """Whether a package is installed; it is not imported."""
    return importlib.util.find_spec(package) is not None
