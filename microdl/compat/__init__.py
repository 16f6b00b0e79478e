"""APIs of other versions of TensorFlow."""
