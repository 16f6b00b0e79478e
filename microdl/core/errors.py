"""TensorFlow's error classes, each also the Python error a reader would expect (``except ValueError`` works)."""


class OpError(Exception):
    """An op could not do its work. ``message`` says why."""

    @property
    def message(self):
        return str(self)


class InvalidArgumentError(OpError, ValueError):
    """An argument has a shape, dtype or value that the op cannot take."""


class MixedDTypesError(InvalidArgumentError, TypeError):
    """Inputs of one op have dtypes that do not mix: TensorFlow's TypeError where a graph is built.

    Attributes: kind: the op's name. first, other: pairs (name of the input, name of its dtype).
    """

    def __init__(self, message, kind, first, other):
        super().__init__(message)
        self.kind, self.first, self.other = kind, first, other


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


class NoDeviceError(OpError, RuntimeError):
    """There is no GPU here, no driver for it, or no package to reach the driver; the message says which."""


class NoKernel(NotImplementedError, TypeError, AttributeError):
    """A device has no kernel for what an op asks of it; the CPU has. The message says what is missing."""
