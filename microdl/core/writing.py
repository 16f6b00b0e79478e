"""Writes to variables while other threads read them.

A Tensor read from a Variable lies on the variable's own buffer. Before a write it is given a copy of the old values
(``Variable.before_write``) and ``moved`` goes up, both under the lock and before the first new number appears. So no
new Tensor starts on a buffer that is being written to; and whoever computed from a Tensor whose array is another one
afterwards may have seen a mixture of old and new, and computes again, now from the copy.
"""

import threading


class _Writing:
    def __init__(self):
        self.lock = threading.RLock()
        self.moved = 0  # Tensors that had to leave a variable's buffer, in this process


writing = _Writing()
