"""``tf.errors``: what ops raise."""

from microdl.core.errors import (
    AlreadyExistsError as AlreadyExistsError,
    DataLossError as DataLossError,
    FailedPreconditionError as FailedPreconditionError,
    InvalidArgumentError as InvalidArgumentError,
    NotFoundError as NotFoundError,
    OperatorNotAllowedInGraphError as OperatorNotAllowedInGraphError,
    OpError as OpError,
    OutOfRangeError as OutOfRangeError,
    PermissionDeniedError as PermissionDeniedError,
    ResourceExhaustedError as ResourceExhaustedError,
    UnimplementedError as UnimplementedError,
)
