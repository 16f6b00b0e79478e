"""Data sets: MNIST, which comes with the package, and IDX files of one's own. Nothing here ever uses the network."""

from . import idx as idx
from . import mnist as mnist
