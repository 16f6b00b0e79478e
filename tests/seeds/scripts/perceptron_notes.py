### Defining a network Layer ###
import microdl as tf
import numpy as np
import matplotlib.pyplot as plt

class OurDenseLayer(tf.keras.layers.Layer):
    def __init__(self, n_output_nodes):
        super(OurDenseLayer, self).__init__()
        self.n_output_nodes = n_output_nodes

    def build(self, input_shape):
        batch_size, d = input_shape
        self.W = self.add_weight(name="weight", shape=[d, self.n_output_nodes])
        self.bias = self.add_weight(name="bias", shape=[1, self.n_output_nodes])

    def call(self, x):
        return tf.sigmoid(tf.matmul(x, self.W) + self.bias)

tf.random.set_seed(1)
layer = OurDenseLayer(3)
layer.build((1, 2))
print(layer.call(tf.constant([[1, 2.]], shape=(1,2))))

### Defining a neural network using the Sequential API ###
n_output_nodes = 3
model = tf.keras.Sequential()
model.add(tf.keras.layers.Dense(n_output_nodes, activation='sigmoid'))

# Test model with example input
x_input = tf.constant([[1, 2.]], shape=(1,2))
print(model(x_input))

### Defining a model using subclassing ###
class SubclassModel(tf.keras.Model):
    def __init__(self, n_output_nodes):
        super(SubclassModel, self).__init__()
        self.dense_layer = tf.keras.layers.Dense(n_output_nodes, activation='sigmoid')

    def call(self, inputs):
        return self.dense_layer(inputs)

n_output_nodes = 3
model = SubclassModel(n_output_nodes)
print(model.call(x_input))

### Defining a model using subclassing and specifying custom behavior ###
class IdentityModel(tf.keras.Model):
    def __init__(self, n_output_nodes):
        super(IdentityModel, self).__init__()
        self.dense_layer = tf.keras.layers.Dense(n_output_nodes, activation='sigmoid')

    def call(self, inputs, isidentity=False):
        x = self.dense_layer(inputs)
        return inputs if isidentity else x

n_output_nodes = 3
model = IdentityModel(n_output_nodes)
out_activate = model.call(x_input)
out_identity = model.call(x_input, isidentity=True)
print("Network output with activation: {}; network identity output: {}".format(
    out_activate.numpy(), out_identity.numpy()))

### Gradient computation with GradientTape ###
x = tf.Variable(3.0)
with tf.GradientTape() as tape:
    y = x * x
dy_dx = tape.gradient(y, x)
assert dy_dx.numpy() == 6.0

### Function minimization with automatic differentiation and SGD ###
x = tf.Variable([tf.random.normal([1])])
print("Initializing x={}".format(x.numpy()))
learning_rate = 1e-2
history = []
x_f = 4
for i in range(500):
    with tf.GradientTape() as tape:
        loss = (x - x_f)**2
    grad = tape.gradient(loss, x)
    x.assign(x - learning_rate * grad)
    history.append(x.numpy()[0])
plt.plot(history)
plt.plot([0, 500], [x_f, x_f])
plt.legend(('Predicted', 'True'))
plt.xlabel('Iteration')
print(repr(plt.ylabel('x value')))
