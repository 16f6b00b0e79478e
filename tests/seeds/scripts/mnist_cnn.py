import numpy as np
import microdl.compat.v1 as tf
from microdl.compat.v1.examples.tutorials.mnist import input_data
mnist = input_data.read_data_sets("MNIST_data/", one_hot=True)

img_size = 28
img_size_flat = img_size * img_size
num_channels = 1
num_classes = 10
filter_size1, num_filters1 = 5, 16
filter_size2, num_filters2 = 5, 36
fc_size = 128

def weight_variable(shape):
    initial = tf.truncated_normal(shape, stddev=0.05)
    return tf.Variable(initial)
def new_biases(length):
    return tf.Variable(tf.constant(0.05, shape=[length]))

def new_conv_layer(input,              # The previous layer.
                   num_input_channels, # Num. channels in prev. layer.
                   filter_size,        # Width and height of each filter.
                   num_filters,        # Number of filters.
                   use_pooling=True):  # Use 2x2 max-pooling.
    weights = weight_variable([filter_size, filter_size, num_input_channels, num_filters])
    layer = tf.nn.conv2d(input=input, filter=weights, strides=[1, 1, 1, 1], padding='SAME')
    layer += new_biases(length=num_filters)
    if use_pooling:
        layer = tf.nn.max_pool(value=layer, ksize=[1, 2, 2, 1], strides=[1, 2, 2, 1], padding='SAME')
    layer = tf.nn.relu(layer)
    return layer, weights

def flatten_layer(layer):
    layer_shape = layer.get_shape()
    num_features = layer_shape[1:4].num_elements()
    layer_flat = tf.reshape(layer, [-1, num_features])
    # return both the flatten layer and number of features
    return layer_flat, num_features

def new_fc_layer(input,          # The previous layer.
                 num_inputs,     # Num. inputs from prev. layer.
                 num_outputs,    # Num. outputs.
                 use_relu=True): # Use Rectified Linear Unit (ReLU)?
    # create new weights and biases
    weights = weight_variable([num_inputs, num_outputs])
    biases = new_biases(length=num_outputs)
    # calculate new layer
    layer = tf.matmul(input, weights) + biases
    # use ReLU?
    if use_relu:
        layer = tf.nn.relu(layer)
    return layer

x = tf.placeholder(tf.float32, shape=[None, img_size_flat], name='x')
x_image = tf.reshape(x, [-1, img_size, img_size, num_channels])
y_true = tf.placeholder(tf.float32, shape=[None, num_classes], name='y_true')
y_true_cls = tf.argmax(y_true, axis=1)

layer_conv1, weights_conv1 = \
    new_conv_layer(input=x_image, num_input_channels=num_channels, filter_size=filter_size1,
                   num_filters=num_filters1, use_pooling=True)
layer_conv2, weights_conv2 = \
    new_conv_layer(input=layer_conv1, num_input_channels=num_filters1, filter_size=filter_size2,
                   num_filters=num_filters2, use_pooling=True)
layer_flat, num_features = flatten_layer(layer_conv2)
layer_fc1 = new_fc_layer(input=layer_flat, num_inputs=num_features, num_outputs=fc_size, use_relu=True)
layer_fc2 = new_fc_layer(input=layer_fc1, num_inputs=fc_size, num_outputs=num_classes, use_relu=False)

y_pred = tf.nn.softmax(layer_fc2)
y_pred_cls = tf.argmax(y_pred, axis=1)
cross_entropy = tf.nn.softmax_cross_entropy_with_logits(logits=layer_fc2, labels=y_true)
cost = tf.reduce_mean(cross_entropy)
optimizer = tf.train.AdamOptimizer(learning_rate=1e-4).minimize(cost)
correct_prediction = tf.equal(y_pred_cls, y_true_cls)
accuracy = tf.reduce_mean(tf.cast(correct_prediction, tf.float32))

saver = tf.train.Saver()
model_path = "./tmp/model.ckpt"
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    for _ in range(100):
        x_batch, y_true_batch = mnist.train.next_batch(64)
        sess.run(optimizer, feed_dict={x: x_batch, y_true: y_true_batch})
    save_path = saver.save(sess, model_path)
    print("Model saved in file: %s" % save_path)

model_path = "./tmp/model.ckpt"
with tf.Session() as sess:
    sess.run(tf.global_variables_initializer())
    saver.restore(sess, model_path)
    print("Accuracy:", accuracy.eval({x: mnist.test.images, y_true: mnist.test.labels}))
