"""The TensorBoard tutorials on MNIST, for TensorFlow and for microdl alike: what each of them writes to ``folder``.

The callback and the custom loop are after TensorFlow 2's guide "Get started with TensorBoard", ``with_summaries`` is
after TensorFlow 1's ``mnist_with_summaries``; in words of our own, with fewer images, and seeds.
"""

from pathlib import Path

import numpy as np

BATCH = 50


def images(digits, count=600, tests=200):
    """((x_train, y_train), (x_test, y_test)): pixels from 0 to 1, class numbers. digits: of ``mnist.load_data``."""
    (x, y), (more, labels) = digits
    scaled = (x[:count] / 255.0).astype(np.float32), (more[:tests] / 255.0).astype(np.float32)
    return (scaled[0], y[:count].astype(np.int64)), (scaled[1], labels[:tests].astype(np.int64))


def model_of(tf):
    tf.keras.backend.clear_session()  # names begin anew
    tf.keras.utils.set_random_seed(1)
    return tf.keras.models.Sequential(
        [
            tf.keras.layers.Input(shape=(28, 28), name="layers_input"),
            tf.keras.layers.Flatten(name="layers_flatten"),
            tf.keras.layers.Dense(32, activation="relu", name="layers_dense"),
            tf.keras.layers.Dropout(0.2, name="layers_dropout"),
            tf.keras.layers.Dense(10, activation="softmax", name="layers_dense_2"),
        ]
    )


def keras_callback(tf, folder, digits):
    """``model.fit`` with the callback TensorBoard: losses of epochs, histograms of weights, a graph."""
    (x_train, y_train), (x_test, y_test) = images(digits)
    model = model_of(tf)
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    tensorboard_callback = tf.keras.callbacks.TensorBoard(log_dir=folder, histogram_freq=1)
    model.fit(
        x=x_train,
        y=y_train,
        batch_size=BATCH,
        epochs=2,
        shuffle=False,
        verbose=0,
        validation_data=(x_test, y_test),
        callbacks=[tensorboard_callback],
    )


def custom_loop(tf, folder, digits):
    """A loop with ``tf.GradientTape`` that writes its metrics with ``tf.summary``."""
    train, test = images(digits)
    train_dataset = tf.data.Dataset.from_tensor_slices(train).batch(BATCH)
    test_dataset = tf.data.Dataset.from_tensor_slices(test).batch(BATCH)
    loss_object = tf.keras.losses.SparseCategoricalCrossentropy()
    optimizer = tf.keras.optimizers.Adam()
    train_loss = tf.keras.metrics.Mean("train_loss", dtype=tf.float32)
    train_accuracy = tf.keras.metrics.SparseCategoricalAccuracy("train_accuracy")
    test_loss = tf.keras.metrics.Mean("test_loss", dtype=tf.float32)
    test_accuracy = tf.keras.metrics.SparseCategoricalAccuracy("test_accuracy")
    train_summary_writer = tf.summary.create_file_writer(str(Path(folder) / "train"))
    test_summary_writer = tf.summary.create_file_writer(str(Path(folder) / "test"))
    model = model_of(tf)

    def train_step(x_train, y_train):
        with tf.GradientTape() as tape:
            predictions = model(x_train, training=True)
            loss = loss_object(y_train, predictions)
        grads = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(grads, model.trainable_variables, strict=True))
        train_loss(loss)
        train_accuracy(y_train, predictions)

    def test_step(x_test, y_test):
        predictions = model(x_test)
        test_loss(loss_object(y_test, predictions))
        test_accuracy(y_test, predictions)

    for epoch in range(2):
        for x_train, y_train in train_dataset:
            train_step(x_train, y_train)
        with train_summary_writer.as_default():
            tf.summary.scalar("loss", train_loss.result(), step=epoch)
            tf.summary.scalar("accuracy", train_accuracy.result(), step=epoch)
            tf.summary.histogram("kernel", model.trainable_variables[0], step=epoch)
        for x_test, y_test in test_dataset:
            test_step(x_test, y_test)
        with test_summary_writer.as_default():
            tf.summary.scalar("loss", test_loss.result(), step=epoch)
            tf.summary.scalar("accuracy", test_accuracy.result(), step=epoch)
        for metric in (train_loss, test_loss, train_accuracy, test_accuracy):
            metric.reset_state()
    train_summary_writer.close()
    test_summary_writer.close()


def with_summaries(tf, folder, digits):
    """TensorFlow 1: summaries of each layer's variables and activations, merged, with the graph."""
    (x_train, y_train), (x_test, y_test) = images(digits)
    graph = tf.Graph()
    with graph.as_default():
        sess = tf.InteractiveSession(graph=graph)
        with tf.name_scope("input"):
            x = tf.placeholder(tf.float32, [None, 784], name="x-input")
            y_ = tf.placeholder(tf.int64, [None], name="y-input")
        with tf.name_scope("input_reshape"):
            image_shaped_input = tf.reshape(x, [-1, 28, 28, 1])
            tf.summary.image("input", image_shaped_input, 3)

        def variable_summaries(var):
            with tf.name_scope("summaries"):
                mean = tf.reduce_mean(var)
                tf.summary.scalar("mean", mean)
                with tf.name_scope("stddev"):
                    stddev = tf.sqrt(tf.reduce_mean(tf.square(var - mean)))
                tf.summary.scalar("stddev", stddev)
                tf.summary.scalar("max", tf.reduce_max(var))
                tf.summary.scalar("min", tf.reduce_min(var))
                tf.summary.histogram("histogram", var)

        def nn_layer(input_tensor, input_dim, output_dim, layer_name, act=tf.nn.relu):
            with tf.name_scope(layer_name):
                with tf.name_scope("weights"):
                    initial = tf.truncated_normal([input_dim, output_dim], stddev=0.1, seed=input_dim)
                    weights = tf.Variable(initial)
                    variable_summaries(weights)
                with tf.name_scope("biases"):
                    biases = tf.Variable(tf.constant(0.1, shape=[output_dim]))
                    variable_summaries(biases)
                with tf.name_scope("Wx_plus_b"):
                    preactivate = tf.matmul(input_tensor, weights) + biases
                    tf.summary.histogram("pre_activations", preactivate)
                activations = act(preactivate, name="activation")
                tf.summary.histogram("activations", activations)
                return activations

        hidden1 = nn_layer(x, 784, 32, "layer1")
        with tf.name_scope("dropout"):
            keep_prob = tf.placeholder(tf.float32)
            tf.summary.scalar("dropout_keep_probability", keep_prob)
            dropped = tf.nn.dropout(hidden1, keep_prob, seed=5)
        y = nn_layer(dropped, 32, 10, "layer2", act=tf.identity)
        with tf.name_scope("cross_entropy"), tf.name_scope("total"):
            cross_entropy = tf.losses.sparse_softmax_cross_entropy(labels=y_, logits=y)
        tf.summary.scalar("cross_entropy", cross_entropy)
        with tf.name_scope("train"):
            train_step = tf.train.AdamOptimizer(0.001).minimize(cross_entropy)
        with tf.name_scope("accuracy"):
            with tf.name_scope("correct_prediction"):
                correct_prediction = tf.equal(tf.argmax(y, 1), y_)
            with tf.name_scope("accuracy"):
                accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))
        tf.summary.scalar("accuracy", accuracy)
        merged = tf.summary.merge_all()
        train_writer = tf.summary.FileWriter(str(Path(folder) / "train"), sess.graph)
        test_writer = tf.summary.FileWriter(str(Path(folder) / "test"))
        tf.global_variables_initializer().run()
        for i in range(12):
            if i % 4 == 0:
                tests = {x: x_test.reshape(-1, 784), y_: y_test, keep_prob: 1.0}
                summary, _ = sess.run([merged, accuracy], feed_dict=tests)
                test_writer.add_summary(summary, i)
            rows = slice(i * BATCH, (i + 1) * BATCH)
            feeds = {x: x_train[rows].reshape(-1, 784), y_: y_train[rows], keep_prob: 0.9}
            train_writer.add_summary(sess.run(merged, feed_dict=feeds), i)  # before the step: nothing orders them
            sess.run(train_step, feed_dict=feeds)
        train_writer.close()
        test_writer.close()
        sess.close()


TUTORIALS = {"keras_callback": keras_callback, "custom_loop": custom_loop, "with_summaries": with_summaries}
