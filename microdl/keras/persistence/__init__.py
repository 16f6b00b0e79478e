"""Models as files: configurations in JSON, weights under the names of their places, and Keras's own formats."""
