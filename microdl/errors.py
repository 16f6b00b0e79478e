"""``tf.errors``: what ops raise."""

from microdl.core.errors import (
    DataLossError as DataLossError,
    InvalidArgumentError as InvalidArgumentError,
    OperatorNotAllowedInGraphError as OperatorNotAllowedInGraphError,
    OpError as OpError,
    OutOfRangeError as OutOfRangeError,
    UnimplementedError as UnimplementedError,
)
