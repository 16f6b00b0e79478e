"""``tf.strings``: tensors of strings."""

from microdl.core.later import STRINGS as _LATER
from microdl.core.missing import missing as _missing
from microdl.ops.strings import (
    as_string as as_string,
    bytes_split as bytes_split,
    format as format,
    join as join,
    length as length,
    lower as lower,
    reduce_join as reduce_join,
    regex_full_match as regex_full_match,
    regex_replace as regex_replace,
    split as split,
    strip as strip,
    substr as substr,
    to_number as to_number,
    upper as upper,
)

__getattr__ = _missing(__name__, globals(), _LATER.split())
