"""``tf.errors``: what ops raise."""

from microdl.core.errors import (
    DataLossError as DataLossError,
    InvalidArgumentError as InvalidArgumentError,
    OpError as OpError,
)
