"""``tf.profiler``: what a step spends its time on, op by op, against what this machine could do.

with tf.profiler.profile() as p:
    train_step(images, labels)
p.table()
p.trace("step.json")
"""

from microdl.core.missing import missing as _missing
from microdl.profiler.profile import Callback as Callback, profile as profile
from microdl.profiler.show import show as show

__getattr__ = _missing(__name__, globals(), ["experimental"])
