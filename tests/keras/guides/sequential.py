"""The Sequential model: layers one after the other, built late or at once, and features taken out of it."""

import numpy as np

from tests.keras.guides.common import classes, data, give_weights, plain, summary_rows, totals


def same_as_calls(tf, keras):
    layers = keras.layers
    first, second, third = layers.Dense(2, activation="relu", name="first"), layers.Dense(3, name="second"), None
    third = layers.Dense(4, name="third")
    model = keras.Sequential([first, second, third])
    x = data(1, 3, 5)
    model(x)
    give_weights(model)
    return {"model": model(x), "calls": third(second(first(x))), "names": [layer.name for layer in model.layers]}


def added_and_popped(tf, keras):
    model = keras.Sequential(name="grown")
    for units in (2, 3, 4):
        model.add(keras.layers.Dense(units, name=f"dense_of_{units}"))
    before = [len(model.layers), len(model.weights), model.built]
    model.pop()
    after = [len(model.layers), [layer.name for layer in model.layers]]
    y = model(np.ones((1, 4), np.float32))
    return {"before": before, "after": after, "shape": list(y.shape), "weights": len(model.weights)}


def input_first(tf, keras):
    layers = keras.layers
    model = keras.Sequential(name="with_input")
    model.add(keras.Input(shape=(4,)))
    built = [model.built]
    model.add(layers.Dense(2, activation="relu", name="only"))
    built.append(model.built)
    return {"built": built, "shapes": [list(w.shape) for w in model.weights], "layers": len(model.layers),
            "input": list(model.inputs[0].shape), "output": list(model.outputs[0].shape),
            "rows": summary_rows(model), "totals": totals(model)}  # fmt: skip


def images_step_by_step(tf, keras):
    layers = keras.layers
    model = keras.Sequential(name="images")
    model.add(keras.Input(shape=(50, 50, 3)))
    model.add(layers.Conv2D(8, 5, strides=2, activation="relu", name="conv_a"))
    model.add(layers.Conv2D(8, 3, activation="relu", name="conv_b"))
    model.add(layers.MaxPooling2D(3, name="pool_a"))
    rows = [summary_rows(model)]
    model.add(layers.Conv2D(8, 3, activation="relu", name="conv_c"))
    model.add(layers.GlobalMaxPooling2D(name="pool_b"))
    model.add(layers.Dense(10, name="head"))
    rows.append(summary_rows(model))
    return {"rows": rows, "totals": totals(model), "shape": list(model.output_shape)}


def features(tf, keras):
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input(shape=(12, 12, 3)),
            layers.Conv2D(4, 5, strides=2, activation="relu", name="a"),
            layers.Conv2D(4, 3, activation="relu", name="middle"),
            layers.Conv2D(4, 2, activation="relu", name="c"),
        ]
    )
    give_weights(model)
    extractor = keras.Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
    x = data(2, 2, 12, 12, 3)
    single = keras.Model(inputs=model.inputs, outputs=model.get_layer(name="middle").output)
    return {"all": [plain(y).__len__() and list(y.shape) for y in extractor(x)], "single": single(x)[0, 0],
            "last": np.abs(extractor(x)[-1] - model(x)).max()}  # fmt: skip


def trained(tf, keras):
    model = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(3, activation="softmax")]
    )
    give_weights(model, 3)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    x, y = data(4, 32, 6), classes(5, 32, 3)
    history = model.fit(x, y, batch_size=8, epochs=3, shuffle=False, verbose=0, validation_split=0.25)
    return {"history": dict(sorted(history.history.items())), "evaluated": model.evaluate(x, y, verbose=0)}


def frozen_but_for_the_last(tf, keras):
    layers = keras.layers
    model = keras.Sequential([keras.Input((4,)), layers.Dense(5), layers.Dense(5), layers.Dense(2)])
    give_weights(model, 6)
    for layer in model.layers[:-1]:
        layer.trainable = False
    model.compile("sgd", "mse")
    before = model.get_weights()
    model.fit(data(7, 8, 4), data(8, 8, 2), verbose=0, shuffle=False)
    moved = [float(np.abs(a - b).max()) for a, b in zip(before, model.get_weights(), strict=True)]
    return {"totals": totals(model), "moved": moved}


PROGRAMS = (
    same_as_calls, added_and_popped, input_first, images_step_by_step, features, trained, frozen_but_for_the_last,
)  # fmt: skip
