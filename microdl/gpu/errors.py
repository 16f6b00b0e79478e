"""What can go wrong between the host and the GPU."""

from microdl.core.errors import OpError

OUT_OF_MEMORY, NO_DEVICE, UNSUPPORTED_PTX, NOT_READY = 2, 100, 222, 600  # of CUresult in cuda.h
CAPTURE = range(900, 909)  # the codes about calls that a stream forbids while it is captured

_HINTS = {
    3: "a process that was forked from one that used a GPU cannot use it: multiprocessing.set_start_method('spawn')",
    1: "an argument is out of range: a block of more than 1024 threads, say, or a grid beyond 65535 along y or z",
    209: "the kernel was compiled for another GPU",
    UNSUPPORTED_PTX: "the toolkit that compiled the kernel is newer than NVIDIA's driver here: update the driver",
    701: "the kernel needs more registers or shared memory than a multiprocessor has",
    700: "a kernel read or wrote outside of its arrays, perhaps one launched earlier; the GPU is lost to this process",
    716: "a kernel read or wrote at a misaligned address; the GPU is lost to this process",
    719: "a kernel failed, perhaps one launched earlier; the GPU is lost to this process",
}


class DriverError(OpError, RuntimeError):
    """A call of CUDA's driver failed.

    Attributes:
        call: its name. code: of the error, a number of cuda.h. name: the error's name there.
    """

    def __init__(self, call, code, name):
        hint = f": {_HINTS[code]}" if code in _HINTS else ""
        super().__init__(f"{call} failed with {name} ({code}){hint}")
        self.call, self.code, self.name = call, code, name


class CaptureError(OpError, RuntimeError):
    """A step cannot be part of a CUDA graph.

    Attributes:
        step: the name of the step, such as an op's. why: what it does that a graph cannot.
    """

    def __init__(self, step, why):
        super().__init__(f"{step} {why}")
        self.step, self.why = step, why
