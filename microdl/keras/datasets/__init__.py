"""Data sets: MNIST, which comes with the package, and IDX files of one's own. Nothing here ever uses the network."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.datasets import idx as idx, mnist as mnist

__getattr__ = _missing(__name__, globals(), _later.DATASETS)
