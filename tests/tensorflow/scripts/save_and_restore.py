"""Weights after each pass, all weights by hand, and the whole model: saved, and restored into new ones."""

import os

import numpy as np
import tensorflow as tf
from tensorflow import keras

keras.utils.set_random_seed(6)

(train_images, train_labels), (test_images, test_labels) = tf.keras.datasets.mnist.load_data()
train_labels, test_labels = train_labels[:800], test_labels[:400]
train_images = train_images[:800].reshape(-1, 28 * 28) / 255.0
test_images = test_images[:400].reshape(-1, 28 * 28) / 255.0


def create_model():
    model = tf.keras.Sequential(
        [
            keras.Input((784,)),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(10),
        ]
    )
    model.compile(
        optimizer="adam",
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[tf.keras.metrics.SparseCategoricalAccuracy()],
    )
    return model


losses = []
note = tf.keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))

model = create_model()
checkpoint_path = "training_1/cp.weights.h5"
os.makedirs("training_1")
cp_callback = tf.keras.callbacks.ModelCheckpoint(filepath=checkpoint_path, save_weights_only=True, verbose=1)
model.fit(train_images, train_labels, epochs=1, callbacks=[cp_callback, note], verbose=0)
files = os.listdir("training_1")
trained = model.evaluate(test_images, test_labels, verbose=0)

model = create_model()
untrained = model.evaluate(test_images, test_labels, verbose=0)
model.load_weights(checkpoint_path)
restored = model.evaluate(test_images, test_labels, verbose=0)

model.save_weights("my_checkpoint.weights.h5")
model = create_model()
model.load_weights("my_checkpoint.weights.h5")
by_hand = model.evaluate(test_images, test_labels, verbose=0)

model.fit(train_images, train_labels, epochs=1, callbacks=[note], verbose=0)
model.save("my_model.keras")
new_model = tf.keras.models.load_model("my_model.keras")
new_model.summary()
loss, acc = new_model.evaluate(test_images, test_labels, verbose=0)
same = np.array_equal(model.predict(test_images, verbose=0), new_model.predict(test_images, verbose=0))
new_model.fit(train_images[:320], train_labels[:320], epochs=1, callbacks=[note], verbose=0)  # Adam goes on

results = {
    "files": files,
    "trained": trained,
    "untrained": untrained,
    "restored": restored,
    "by_hand": by_hand,
    "whole": [loss, acc],
    "same": same,
}
