from microdl.keras.layers.base import Layer as Layer
