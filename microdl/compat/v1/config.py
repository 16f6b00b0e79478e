"""Settings of sessions. They are accepted, and kept as attributes: everything runs in this process."""

from typing import Any


class _Message:
    """Settings by names, any of them; one that was not set is a group of further settings."""

    def __init__(self, **settings):
        vars(self).update(settings)

    def __getattr__(self, name) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        part = _Message()
        setattr(self, name, part)
        return part

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in vars(self).items())})"


class ConfigProto(_Message):
    """Settings of a Session: ``config.gpu_options.allow_growth = True``."""


class GPUOptions(_Message):
    """Settings for GPUs."""


class GraphOptions(_Message):
    """Settings for graphs."""


class OptimizerOptions(_Message):
    """Settings for how graphs are optimized."""

    L0, L1 = -1, 0


class RunOptions(_Message):
    """Settings of one run."""

    NO_TRACE, SOFTWARE_TRACE, HARDWARE_TRACE, FULL_TRACE = range(4)


class RunMetadata(_Message):
    """What TensorFlow tells of a run; stays empty here: ``microdl.profiler`` measures."""
