"""Reads pickles that hold plain data. A pickle can name any function to be called: here only NumPy's arrays are made.

CIFAR's files are pickles of Python 2, and ``.npz`` files pickle arrays of lists. ``pickle.load`` would run whatever
code a file from elsewhere asks for.
"""

import pickle

import numpy as np

_RECONSTRUCT = np.empty(0).__reduce__()[0]  # a private function of NumPy, which pickles of arrays name
_ALLOWED = {
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
}


class _Unpickler(pickle.Unpickler):
    def find_class(self, module_name, global_name):
        try:
            return _ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"the file asks for {module_name}.{global_name}, but only arrays and plain data are read from it"
            ) from None


def load(file, encoding="ASCII"):
    """What a pickle holds: arrays, numbers, strings, lists, tuples and dicts.

    Args: file: opened for reading bytes. encoding: of the strings of Python 2, or "bytes" to leave them bytes.
    Raises: pickle.UnpicklingError if it is none, or holds anything else.
    """
    return _Unpickler(file, encoding=encoding).load()
