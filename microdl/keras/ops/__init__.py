"""Functions of tensors, with the names and arguments of Keras 3."""
