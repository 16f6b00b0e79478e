"""``tf.errors``: what ops raise."""

from microdl.core.errors import (
    DataLossError as DataLossError,
    FailedPreconditionError as FailedPreconditionError,
    InvalidArgumentError as InvalidArgumentError,
    NotFoundError as NotFoundError,
    OperatorNotAllowedInGraphError as OperatorNotAllowedInGraphError,
    OpError as OpError,
    OutOfRangeError as OutOfRangeError,
    UnimplementedError as UnimplementedError,
)
