"""The functional API: graphs of layers with several inputs and outputs, shared and nested parts."""

import json

import numpy as np

from tests.keras.guides.common import classes, data, give_weights, plain, structure, summary_rows, totals


def digits(keras):
    inputs = keras.Input(shape=(16,), name="img")
    x = keras.layers.Dense(8, activation="relu", name="hidden_1")(inputs)
    x = keras.layers.Dense(8, activation="relu", name="hidden_2")(x)
    return keras.Model(inputs, keras.layers.Dense(5, name="logits")(x), name="digits")


def first_model(tf, keras):
    inputs = keras.Input(shape=(7, 3))
    model = digits(keras)
    give_weights(model)
    model.compile(
        keras.optimizers.RMSprop(), keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"]
    )
    x, y = data(1, 40, 16), classes(2, 40, 5)
    history = model.fit(x, y, batch_size=10, epochs=2, shuffle=False, validation_split=0.2, verbose=0)
    return {"input": [list(inputs.shape), str(np.dtype(getattr(inputs.dtype, "name", inputs.dtype)))],
            "rows": summary_rows(model), "totals": totals(model), "history": dict(sorted(history.history.items())),
            "scores": model.evaluate(x, y, verbose=0), "config": structure(model.get_config()),
            "names": [model.name, [layer.name for layer in model.layers]]}  # fmt: skip


def one_graph_two_models(tf, keras):
    layers = keras.layers
    encoder_input = keras.Input(shape=(14, 14, 1), name="img")
    x = layers.Conv2D(4, 3, activation="relu", name="conv_1")(encoder_input)
    x = layers.MaxPooling2D(3, name="pool")(x)
    encoder_output = layers.GlobalMaxPooling2D(name="global")(layers.Conv2D(6, 3, activation="relu", name="conv_2")(x))
    encoder = keras.Model(encoder_input, encoder_output, name="encoder")
    x = layers.Reshape((2, 3, 1), name="shaped")(encoder_output)
    x = layers.Conv2DTranspose(3, 3, activation="relu", name="back")(x)
    x = layers.UpSampling2D(2, name="larger")(x)
    autoencoder = keras.Model(encoder_input, layers.Conv2DTranspose(1, 3, name="out")(x), name="autoencoder")
    give_weights(autoencoder, 3)
    images = data(4, 2, 14, 14, 1)
    rows = [summary_rows(encoder), summary_rows(autoencoder)]
    return {"rows": rows, "code": encoder(images), "picture": autoencoder(images)[0, :2, :2, 0]}


def chained(tf, keras):
    encoder_input = keras.Input(shape=(6,), name="original")
    encoder = keras.Model(encoder_input, keras.layers.Dense(3, "relu", name="code")(encoder_input), name="encoder")
    decoder_input = keras.Input(shape=(3,), name="encoded")
    decoder = keras.Model(decoder_input, keras.layers.Dense(6, name="picture")(decoder_input), name="decoder")
    whole_input = keras.Input(shape=(6,), name="img")
    whole = keras.Model(whole_input, decoder(encoder(whole_input)), name="autoencoder")
    give_weights(whole, 5)
    x = data(6, 4, 6)
    return {"rows": summary_rows(whole), "y": whole(x), "same": np.abs(decoder(encoder(x)) - whole(x)).max(),
            "weights": [list(w.shape) for w in whole.weights], "config": structure(whole.get_config())}  # fmt: skip


def ensemble(tf, keras):
    def one(name):
        inputs = keras.Input(shape=(8,), name=f"{name}_in")
        return keras.Model(inputs, keras.layers.Dense(1, name=f"{name}_out")(inputs), name=name)

    models = [one("red"), one("green"), one("blue")]
    inputs = keras.Input(shape=(8,), name="all")
    outputs = keras.layers.average([model(inputs) for model in models])
    model = keras.Model(inputs, outputs, name="ensemble")
    give_weights(model, 7)
    return {"y": model(data(8, 3, 8)), "rows": summary_rows(model)}


def tickets(keras):
    layers = keras.layers
    title = keras.Input(shape=(None,), name="title")
    body = keras.Input(shape=(None,), name="body")
    tags = keras.Input(shape=(4,), name="tags")
    title_features = layers.LSTM(5, name="title_lstm")(layers.Embedding(20, 6, name="title_words")(title))
    body_features = layers.LSTM(3, name="body_lstm")(layers.Embedding(20, 6, name="body_words")(body))
    x = layers.concatenate([title_features, body_features, tags], name="together")
    priority = layers.Dense(1, name="priority")(x)
    department = layers.Dense(4, name="department")(x)
    return keras.Model(
        inputs=[title, body, tags], outputs={"priority": priority, "department": department}, name="tickets"
    )


def several_inputs_and_outputs(tf, keras):
    model = tickets(keras)
    give_weights(model, 9)
    model.compile(
        optimizer=keras.optimizers.SGD(0.1),  # others square the gradients of repeated words apart in Keras
        loss={"priority": keras.losses.BinaryCrossentropy(from_logits=True),
              "department": keras.losses.CategoricalCrossentropy(from_logits=True)},
        loss_weights={"priority": 1.0, "department": 0.2},
    )  # fmt: skip
    x = {"title": classes(1, 24 * 5, 20).reshape(24, 5), "body": classes(2, 24 * 7, 20).reshape(24, 7),
         "tags": classes(3, 24 * 4, 2).reshape(24, 4).astype("float32")}  # fmt: skip
    y = {"priority": classes(4, 24, 2).reshape(24, 1).astype("float32"), "department": np.eye(4)[classes(5, 24, 4)]}
    history = model.fit(x, y, epochs=2, batch_size=8, shuffle=False, verbose=0)
    predicted = model.predict(x, verbose=0)
    return {"rows": summary_rows(model), "totals": totals(model), "history": dict(sorted(history.history.items())),
            "evaluated": model.evaluate(x, y, verbose=0, return_dict=True), "outputs": sorted(predicted),
            "priority": predicted["priority"][:3], "structure": structure(model.get_config())}  # fmt: skip


def residual(tf, keras):
    layers = keras.layers
    inputs = keras.Input(shape=(16, 16, 3), name="img")
    x = layers.Conv2D(4, 3, activation="relu", name="c1")(inputs)
    block_1 = layers.MaxPooling2D(3, name="p1")(layers.Conv2D(6, 3, activation="relu", name="c2")(x))
    x = layers.Conv2D(6, 3, activation="relu", padding="same", name="c3")(block_1)
    x = layers.Conv2D(6, 3, activation="relu", padding="same", name="c4")(x)
    block_2 = layers.add([x, block_1], name="sum")
    x = layers.GlobalAveragePooling2D(name="mean")(layers.Conv2D(6, 3, activation="relu", name="c5")(block_2))
    outputs = layers.Dense(4, name="out")(layers.Dropout(0.5, name="drop")(x))
    model = keras.Model(inputs, outputs, name="toy_resnet")
    give_weights(model, 10)
    model.compile(
        keras.optimizers.RMSprop(1e-3), keras.losses.CategoricalCrossentropy(from_logits=True), metrics=["acc"]
    )
    x, y = data(11, 6, 16, 16, 3), np.eye(4)[classes(12, 6, 4)]
    return {
        "rows": summary_rows(model),
        "totals": totals(model),
        "y": model(x),
        "scores": model.evaluate(x, y, verbose=0),
    }


def shared_layer(tf, keras):
    layers = keras.layers
    embedding = layers.Embedding(30, 4, name="words")
    a, b = keras.Input(shape=(None,), dtype="int32", name="a"), keras.Input(shape=(None,), dtype="int32", name="b")
    first, second = embedding(a), embedding(b)
    model = keras.Model([a, b], [first, layers.GlobalAveragePooling1D(name="mean")(second)], name="sharing")
    give_weights(model, 13)
    x = [classes(1, 6, 30).reshape(2, 3), classes(2, 8, 30).reshape(2, 4)]
    return {"rows": summary_rows(model), "count": len(model.weights), "y": [plain(y) for y in model(x)],
            "structure": structure(model.get_config())}  # fmt: skip


def features_of_layers(tf, keras):
    model = digits(keras)
    give_weights(model, 14)
    extractor = keras.Model(inputs=model.inputs, outputs=[layer.output for layer in model.layers])
    by_name = keras.Model(model.input, [model.get_layer("hidden_1").output, model.output])
    x = data(15, 2, 16)
    return {
        "shapes": [list(y.shape) for y in extractor(x)],
        "hidden": by_name(x)[0],
        "last": by_name.predict(x, verbose=0)[1],
    }


def operators_and_ops(tf, keras):
    ops = keras.ops
    x, y = keras.Input((4,), name="x"), keras.Input((4,), name="y")
    z = ops.concatenate([x * 2.0 + y, ops.relu(x - 0.5)], axis=-1)
    z = ops.reshape(z, (-1, 2, 4))[:, 0, :]
    outputs = ops.mean(z**2.0, axis=-1, keepdims=True) / (1.0 + ops.exp(-ops.sum(y, axis=1, keepdims=True)))
    model = keras.Model([x, y], -outputs, name="arithmetic")
    again = keras.models.model_from_json(json.dumps(json.loads(model.to_json())))
    given = [data(16, 3, 4), data(17, 3, 4)]
    names = [operation.name for operation in model.operations]
    return {"y": model(given), "again": again(given), "names": names, "rows": summary_rows(model)[:4],
            "again_names": [operation.name for operation in again.operations]}  # fmt: skip


def kept_and_cloned(tf, keras):
    model = tickets(keras)
    give_weights(model, 18)
    x = {"title": np.ones((2, 3)), "body": np.ones((2, 4)), "tags": np.ones((2, 4), np.float32)}
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    again = keras.Model.from_config(model.get_config()) if hasattr(keras.Model, "from_config") else clone
    again.set_weights(model.get_weights())
    gaps = [
        float(np.abs(other(x)[key] - model(x)[key]).max())
        for other in (clone, again)
        for key in ("priority", "department")
    ]
    return {"gaps": gaps, "names": [[layer.name for layer in other.layers] for other in (model, clone, again)]}


def nested(keras):
    """A model in another, called twice, between operators and keras.ops."""
    a, b, inputs = keras.Input((4,), name="a"), keras.Input((4,), name="b"), keras.Input((4,), name="inside")
    inner = keras.Model(inputs, keras.layers.Dense(3, activation="relu", name="shared")(inputs) + 1.0, name="inner")
    x, y = inner(a), inner(b)
    z = keras.layers.Concatenate(name="joined")([x, y])
    mean = keras.ops.mean(z[:, 0:2], axis=1, keepdims=True)
    outputs = [keras.layers.Dense(1, name="p")(keras.ops.concatenate([mean, z], axis=-1)), y]
    return keras.Model([a, b], outputs, name="nested")


PROGRAMS = (
    first_model, one_graph_two_models, chained, ensemble, several_inputs_and_outputs, residual, shared_layer,
    features_of_layers, operators_and_ops, kept_and_cloned,
)  # fmt: skip
