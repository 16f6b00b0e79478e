"""A network of dense layers, by compile, fit and evaluate."""

import tensorflow as tf

print("TensorFlow version:", tf.__version__)
tf.keras.utils.set_random_seed(1)

mnist = tf.keras.datasets.mnist
(x_train, y_train), (x_test, y_test) = mnist.load_data()
x_train, x_test = x_train / 255.0, x_test / 255.0
x_train, y_train, x_test, y_test = x_train[:1600], y_train[:1600], x_test[:500], y_test[:500]

model = tf.keras.models.Sequential(
    [
        tf.keras.layers.Input(shape=(28, 28)),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(128, activation="relu"),
        tf.keras.layers.Dropout(0.2),
        tf.keras.layers.Dense(10),
    ]
)
predictions = model(x_train[:1]).numpy()
probabilities = tf.nn.softmax(predictions).numpy()

loss_fn = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
first_loss = loss_fn(y_train[:1], predictions).numpy()

losses = []
note = tf.keras.callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: losses.append(logs["loss"]))
model.compile(optimizer="adam", loss=loss_fn, metrics=["accuracy"])
history = model.fit(x_train, y_train, epochs=1, callbacks=[note], verbose=0)
evaluated = model.evaluate(x_test, y_test, verbose=2)

probability_model = tf.keras.Sequential([model, tf.keras.layers.Softmax()])
results = {
    "predictions": predictions,
    "probabilities": probabilities,
    "first_loss": first_loss,
    "history": history.history,
    "evaluated": evaluated,
    "probabilities_after": probability_model(x_test[:5]),
}
