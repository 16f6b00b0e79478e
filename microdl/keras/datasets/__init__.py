"""Data sets: MNIST, which comes with the package, and IDX files of one's own. Nothing here ever uses the network."""

from microdl.keras.datasets import idx as idx, mnist as mnist
