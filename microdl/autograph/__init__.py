"""``tf.autograph``: how control flow in traced functions is rewritten (``compile/autograph.py``)."""

from microdl.autograph import experimental as experimental
from microdl.compile.source import to_code as to_code
from microdl.core import later as _later
from microdl.core.missing import missing as _missing

__getattr__ = _missing(__name__, globals(), _later.AUTOGRAPH.split())
