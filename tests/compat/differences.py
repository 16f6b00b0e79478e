"""Cases in which microdl means to differ from TensorFlow 1, and why. A case that agrees is taken off by the test."""

DIFFERENCES = {}
