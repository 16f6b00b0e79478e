import numpy as np
import microdl as tf
from pprint import pprint
print(tf.__version__)
tf.random.set_seed(42)

scalar = tf.constant(1, dtype=tf.int8)
vector = tf.constant([1, 2, 3], dtype=tf.float32)
matrix = tf.constant(np.array([[1, 2], [3, 4]]), dtype=tf.float32)
pprint([scalar, vector, matrix])

print(matrix.shape)
pprint(tf.shape(matrix))
print(id(matrix))

matrix = tf.cast(matrix, dtype=tf.int8)
pprint(matrix)
print(id(matrix))

o = tf.zeros((2, 2))
x = tf.random.uniform((3, 2))
pprint(o)
pprint(x)
pprint(tf.ones_like(o))

x_numpy = x.numpy()
print(type(x_numpy))

with tf.device('/cpu:0'):
    x_cpu = tf.identity(x)
with tf.device('/gpu:0'):
    x_gpu = tf.identity(x)
print(x_cpu.device)
print(x_gpu.device)
x = x.cpu('0')

e = tf.random.uniform((3, 2), dtype=x.dtype)
pprint(tf.math.reduce_all(x.__add__(e) == tf.add(x, e)))
pprint(tf.math.reduce_all(x.__mul__(e) == tf.multiply(x, e)))
pprint(tf.math.reduce_all(x.__matmul__(tf.transpose(e)) == tf.linalg.matmul(x, e, transpose_b=True)))

pprint(matrix[0, 1])
pprint(matrix[1, :2])
pprint(matrix[tf.newaxis, 1, :2])

v = tf.Variable(x)
pprint(v)
pprint(tf.square(v))
v.assign(tf.square(v))
pprint(v)
v.assign_sub(1 * tf.ones_like(v, dtype=v.dtype))
pprint(v)

a = tf.Variable([4], dtype=tf.float32)
b = tf.Variable([5], dtype=tf.float32)
def f(a, b, power=2, d=3):
    return tf.pow(a, power) + d * b
with tf.GradientTape(watch_accessed_variables=True) as tape:
    c = f(a, b)
pprint(tape.gradient(target=c, sources=[a, b]))

d = tf.constant(3, dtype=tf.float32)
with tf.GradientTape() as tape:
    tape.watch(d)
    c = f(a, b, d=d)
pprint(tape.gradient(target=c, sources=[d]))

with tf.GradientTape() as tape:
    c = f(a, b)
pprint(tape.gradient(c, [a]))
try:
    pprint(tape.gradient(c, [b]))
except RuntimeError as error:
    print("RuntimeError:", error)

with tf.GradientTape(persistent=True) as tape:
    c = f(a, b)
pprint(tape.gradient(c, [a]))
pprint(tape.gradient(c, [b]))
del tape

# ground truth
true_weights = tf.constant(list(range(5)), dtype=tf.float32)[:, tf.newaxis]
# some random training data
x = tf.constant(tf.random.uniform((32, 5)), dtype=tf.float32)
y = tf.constant(x @ true_weights, dtype=tf.float32)
# model parameters
weights = tf.Variable(tf.random.uniform((5, 1)), dtype=tf.float32)
for iteration in range(1001):
    with tf.GradientTape() as tape:
        y_hat = tf.linalg.matmul(x, weights)
        loss = tf.reduce_mean(tf.square(y - y_hat))
    if not (iteration % 100):
        print('mean squared loss at iteration {:4d} is {:5.4f}'.format(iteration, loss))
    gradients = tape.gradient(loss, weights)
    weights.assign_add(-0.05 * gradients)
pprint(weights)
