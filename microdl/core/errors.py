"""TensorFlow's error classes, each also the Python error a reader would expect (``except ValueError`` works)."""


class OpError(Exception):
    """An op could not do its work. ``message`` says why."""

    @property
    def message(self):
        return str(self)


class InvalidArgumentError(OpError, ValueError):
    """An argument has a shape, dtype or value that the op cannot take."""


class UnimplementedError(OpError, NotImplementedError):
    """The op exists, but not for these dtypes."""


class OutOfRangeError(OpError):
    """There is no further element."""


class OperatorNotAllowedInGraphError(TypeError):
    """Python asked a tensor for its value while a function was traced, when it has none."""


class DataLossError(OpError, ValueError):
    """A file is damaged: its contents do not have the length or the checksum that they should."""


class NotFoundError(OpError, FileNotFoundError):
    """There is no such file, or nothing of that name in it."""


class FailedPreconditionError(OpError):
    """Something must have happened before: a variable is read that has no value yet."""


class AlreadyExistsError(OpError, FileExistsError):
    """There is such a file already."""


class PermissionDeniedError(OpError, PermissionError):
    """A file may not be read, or not be written to."""


class ResourceExhaustedError(OpError, MemoryError):
    """There is not enough memory."""
