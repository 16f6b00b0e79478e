"""``tf.errors``: what ops raise."""

from microdl.core.errors import (
    DataLossError as DataLossError,
    FailedPreconditionError as FailedPreconditionError,
    InvalidArgumentError as InvalidArgumentError,
    OpError as OpError,
)
