"""A multilayer perceptron, Adam and its training from tf.Module and operations; exported by tf.saved_model."""

import tensorflow as tf

(x_train, y_train), (x_test, y_test) = tf.keras.datasets.mnist.load_data()
x_train, y_train, x_test, y_test = x_train[:1600], y_train[:1600], x_test[:320], y_test[:320]
train_data = tf.data.Dataset.from_tensor_slices((x_train, y_train))
test_data = tf.data.Dataset.from_tensor_slices((x_test, y_test))


def preprocess(x, y):
    x = tf.reshape(x, shape=[-1, 784])
    x = x / 255
    return tf.cast(x, tf.float32), y


batch_size = 64
train_data = train_data.batch(batch_size).map(preprocess)
test_data = test_data.batch(batch_size).map(preprocess)


def xavier_init(shape):
    in_dim, out_dim = shape
    xavier_lim = tf.sqrt(6.0) / tf.sqrt(tf.cast(in_dim + out_dim, tf.float32))
    return tf.random.stateless_uniform((in_dim, out_dim), seed=[22, out_dim], minval=-xavier_lim, maxval=xavier_lim)


class DenseLayer(tf.Module):
    def __init__(self, out_dim, weight_init=xavier_init, activation=tf.identity):
        self.out_dim = out_dim
        self.weight_init = weight_init
        self.activation = activation
        self.built = False

    def __call__(self, x):
        if not self.built:
            self.in_dim = x.shape[1]
            self.w = tf.Variable(self.weight_init(shape=(self.in_dim, self.out_dim)))
            self.b = tf.Variable(tf.zeros(shape=(self.out_dim,)))
            self.built = True
        z = tf.add(tf.matmul(x, self.w), self.b)
        return self.activation(z)


class MLP(tf.Module):
    def __init__(self, layers):
        self.layers = layers

    @tf.function
    def __call__(self, x, preds=False):
        for layer in self.layers:
            x = layer(x)
        return x


mlp_model = MLP([DenseLayer(out_dim=70, activation=tf.nn.relu), DenseLayer(out_dim=50, activation=tf.nn.relu),
                 DenseLayer(out_dim=10)])  # fmt: skip


def cross_entropy_loss(y_pred, y):
    sparse_ce = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.cast(y, tf.int32), logits=y_pred)
    return tf.reduce_mean(sparse_ce)


def accuracy(y_pred, y):
    class_preds = tf.argmax(tf.nn.softmax(y_pred), axis=1)
    is_equal = tf.equal(tf.cast(y, tf.int64), class_preds)
    return tf.reduce_mean(tf.cast(is_equal, tf.float32))


class Adam:
    def __init__(self, learning_rate=1e-3, beta_1=0.9, beta_2=0.999, ep=1e-7):
        self.beta_1, self.beta_2, self.learning_rate, self.ep = beta_1, beta_2, learning_rate, ep
        self.t = 1.0
        self.v_dvar, self.s_dvar = [], []
        self.built = False

    def apply_gradients(self, grads, vars):
        if not self.built:
            for var in vars:
                self.v_dvar.append(tf.Variable(tf.zeros(shape=var.shape)))
                self.s_dvar.append(tf.Variable(tf.zeros(shape=var.shape)))
            self.built = True
        for i, (d_var, var) in enumerate(zip(grads, vars)):
            self.v_dvar[i].assign(self.beta_1 * self.v_dvar[i] + (1 - self.beta_1) * d_var)
            self.s_dvar[i].assign(self.beta_2 * self.s_dvar[i] + (1 - self.beta_2) * tf.square(d_var))
            v_dvar_bc = self.v_dvar[i] / (1 - (self.beta_1**self.t))
            s_dvar_bc = self.s_dvar[i] / (1 - (self.beta_2**self.t))
            var.assign_sub(self.learning_rate * (v_dvar_bc / (tf.sqrt(s_dvar_bc) + self.ep)))
        self.t += 1.0


def train_step(x_batch, y_batch, loss, acc, model, optimizer):
    with tf.GradientTape() as tape:
        y_pred = model(x_batch)
        batch_loss = loss(y_pred, y_batch)
    batch_acc = acc(y_pred, y_batch)
    grads = tape.gradient(batch_loss, model.variables)
    optimizer.apply_gradients(grads, model.variables)
    return batch_loss, batch_acc


optimizer = Adam()
losses, accuracies = [], []
for _ in range(2):
    for x_batch, y_batch in train_data:
        batch_loss, batch_acc = train_step(x_batch, y_batch, cross_entropy_loss, accuracy, mlp_model, optimizer)
        losses.append(batch_loss.numpy())
        accuracies.append(batch_acc.numpy())


class ExportModule(tf.Module):
    def __init__(self, model, preprocess, class_pred):
        self.model = model
        self.preprocess = preprocess
        self.class_pred = class_pred

    @tf.function(input_signature=[tf.TensorSpec(shape=[None, None, None], dtype=tf.uint8)])
    def __call__(self, x):
        x = self.preprocess(x)
        y = self.model(x)
        return self.class_pred(y)


def preprocess_test(x):
    x = tf.reshape(x, shape=[-1, 784])
    x = x / 255
    return tf.cast(x, tf.float32)


def class_pred_test(y):
    return tf.argmax(tf.nn.softmax(y), axis=1)


mlp_model_export = ExportModule(model=mlp_model, preprocess=preprocess_test, class_pred=class_pred_test)
models = {"mlp_model": mlp_model_export}
for model_name, exported in models.items():
    tf.saved_model.save(exported, model_name)

mlp_loaded = tf.saved_model.load("mlp_model")
before, after = mlp_model_export(x_test), mlp_loaded(x_test)
print("Accuracy of the loaded model:", tf.reduce_mean(tf.cast(after == tf.cast(y_test, tf.int64), tf.float32)).numpy())
results = {"accuracies": accuracies, "before": before, "after": after}
