"""Data sets: MNIST, which comes with the package, and others from local files. Nothing here ever uses the network."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.datasets import (
    boston_housing as boston_housing,
    cifar10 as cifar10,
    cifar100 as cifar100,
    fashion_mnist as fashion_mnist,
    idx as idx,
    imdb as imdb,
    mnist as mnist,
    reuters as reuters,
)

__getattr__ = _missing(__name__, globals(), _later.DATASETS)
