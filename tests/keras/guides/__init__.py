"""What Keras's guides teach, as programs of our own: run by microdl, compared with what Keras gives."""
