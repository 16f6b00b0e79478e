"""Data sets as the tutorials of TensorFlow 1 import them."""
