"""tf.train.Checkpoint of a step, an optimizer, a model and an iterator, numbered and thinned out by a manager."""

import tensorflow as tf

tf.keras.utils.set_random_seed(7)

(x_train, y_train), _ = tf.keras.datasets.mnist.load_data()
x_train, y_train = (x_train[:960] / 255.0).astype("float32").reshape(-1, 784), y_train[:960]


class Net(tf.keras.Model):
    def __init__(self):
        super().__init__()
        self.l1 = tf.keras.layers.Dense(10)

    def call(self, x):
        return self.l1(x)


def train_step(net, images, labels, optimizer):
    with tf.GradientTape() as tape:
        output = net(images)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(tf.cast(labels, tf.int32), output))
    variables = net.trainable_variables
    gradients = tape.gradient(loss, variables)
    optimizer.apply_gradients(zip(gradients, variables))
    return loss


def train_and_checkpoint(net, manager):
    ckpt.restore(manager.latest_checkpoint)
    messages.append("Restored from {}" if manager.latest_checkpoint else "Initializing from scratch.")
    for _ in range(25):
        images, labels = next(iterator)
        loss = train_step(net, images, labels, opt)
        losses.append(loss.numpy())
        ckpt.step.assign_add(1)
        if int(ckpt.step) % 10 == 0:
            save_path = manager.save()
            messages.append(f"Saved checkpoint for step {int(ckpt.step)}: {save_path}")
            messages.append(f"loss {loss.numpy():1.2f}")


losses, messages = [], []

net = Net()
net(x_train[:1])
opt = tf.keras.optimizers.Adam(0.01)
opt.build(net.trainable_variables)
dataset = tf.data.Dataset.from_tensor_slices((x_train, y_train)).repeat(10).batch(32)
iterator = iter(dataset)
ckpt = tf.train.Checkpoint(step=tf.Variable(1), optimizer=opt, net=net, iterator=iterator)
manager = tf.train.CheckpointManager(ckpt, "./tf_ckpts", max_to_keep=3)
train_and_checkpoint(net, manager)

net = Net()
net(x_train[:1])
opt = tf.keras.optimizers.Adam(0.01)
opt.build(net.trainable_variables)
iterator = iter(dataset)
ckpt = tf.train.Checkpoint(step=tf.Variable(1), optimizer=opt, net=net, iterator=iterator)
manager = tf.train.CheckpointManager(ckpt, "./tf_ckpts", max_to_keep=3)
train_and_checkpoint(net, manager)

to_restore = tf.Variable(tf.zeros([10]))
fake_layer = tf.train.Checkpoint(bias=to_restore)
fake_net = tf.train.Checkpoint(l1=fake_layer)
new_root = tf.train.Checkpoint(net=fake_net)
status = new_root.restore(tf.train.latest_checkpoint("./tf_ckpts/"))
results = {
    "messages": messages,
    "checkpoints": manager.checkpoints,
    "step": ckpt.step,
    "bias": to_restore,
    "latest": tf.train.latest_checkpoint("./tf_ckpts/"),
}
