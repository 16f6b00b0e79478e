"""APIs of other versions of TensorFlow."""

from microdl.compat import v1 as v1
