"""Transfer learning: what is frozen, what trains, and batch normalization that stays in inference mode."""

import numpy as np

from tests.keras.guides.common import data, give_weights, totals


def counts(layer):
    return [len(layer.weights), len(layer.trainable_weights), len(layer.non_trainable_weights)]


def weights_by_kind(tf, keras):
    dense, norm = keras.layers.Dense(3), keras.layers.BatchNormalization()
    dense.build((None, 4))
    norm.build((None, 4))
    before = [counts(dense), counts(norm)]
    dense.trainable = False
    return {"before": before, "after": [counts(dense), dense.trainable]}


def frozen_layer_stays(tf, keras):
    first, second = keras.layers.Dense(3, activation="relu"), keras.layers.Dense(3, activation="sigmoid")
    model = keras.Sequential([keras.Input(shape=(3,)), first, second])
    give_weights(model, 1)
    first.trainable = False
    kept = first.get_weights()
    model.compile(optimizer="adam", loss="mse")
    history = model.fit(data(2, 2, 3), data(3, 2, 3), verbose=0).history
    moved = [float(np.abs(a - b).max()) for a, b in zip(kept, first.get_weights(), strict=True)]
    return {"history": history, "moved": moved}


def frozen_with_all_in_it(tf, keras):
    inner = keras.Sequential(
        [keras.Input(shape=(3,)), keras.layers.Dense(3, activation="relu"), keras.layers.Dense(3, activation="relu")]
    )
    model = keras.Sequential([keras.Input(shape=(3,)), inner, keras.layers.Dense(3, activation="sigmoid")])
    model.trainable = False
    found = [inner.trainable, inner.layers[0].trainable, totals(model)]
    inner.layers[0].trainable = True
    return {"found": found, "then": totals(model), "inner": totals(inner)}


def head_on_a_frozen_base(tf, keras):
    layers = keras.layers
    base_input = keras.Input((8, 8, 2))
    x = layers.Conv2D(4, 3, name="conv")(base_input)
    x = layers.BatchNormalization(name="norm")(x)
    base = keras.Model(base_input, layers.ReLU(name="relu")(x), name="base")
    give_weights(base, 4)
    base.trainable = False

    inputs = keras.Input(shape=(8, 8, 2))
    x = layers.Rescaling(scale=1 / 2, offset=-0.1)(inputs)
    x = base(x, training=False)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dropout(0.0)(x)
    model = keras.Model(inputs, layers.Dense(1, name="head")(x), name="transfer")
    head = model.get_layer("head")
    head.set_weights([data(5, 4, 1), np.zeros(1, np.float32)])
    found = {"frozen": totals(model)}
    x, y = data(6, 16, 8, 8, 2), (np.arange(16) % 2).reshape(16, 1).astype(np.float32)
    options = {"loss": keras.losses.BinaryCrossentropy(from_logits=True), "metrics": [keras.metrics.BinaryAccuracy()]}
    model.compile(optimizer=keras.optimizers.Adam(), **options)
    found["losses"] = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0).history["loss"]
    base.trainable = True
    model.compile(optimizer=keras.optimizers.Adam(1e-3), **options)
    found["thawed"] = totals(model)
    return found


def by_hand(tf, keras):
    base = keras.Sequential([keras.Input((4,)), keras.layers.Dense(6, "relu"), keras.layers.Dense(3)], name="base")
    inputs = keras.Input((4,))
    model = keras.Model(inputs, keras.layers.Dense(1)(base(inputs, training=False)))
    give_weights(model, 7)
    base.trainable = False
    loss_fn, optimizer, losses = keras.losses.MeanSquaredError(), keras.optimizers.Adam(1e-2), []
    x, y = data(8, 12, 4), data(9, 12, 1)
    for start in (0, 4, 8):
        with tf.GradientTape() as tape:
            loss = loss_fn(y[start : start + 4], model(x[start : start + 4], training=True))
        gradients = tape.gradient(loss, model.trainable_weights)
        optimizer.apply(gradients, model.trainable_weights)
        losses.append(float(loss))
    return {"losses": losses, "gradients": len(gradients), "totals": totals(model)}


PROGRAMS = (weights_by_kind, frozen_layer_stays, frozen_with_all_in_it, head_on_a_frozen_base, by_hand)
