"""Keras's layers."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.layers.activation import ELU as ELU, LeakyReLU as LeakyReLU, ReLU as ReLU, Softmax as Softmax
from microdl.keras.layers.base import Layer as Layer
from microdl.keras.layers.cells import (
    GRUCell as GRUCell,
    LSTMCell as LSTMCell,
    SimpleRNNCell as SimpleRNNCell,
    StackedRNNCells as StackedRNNCells,
)
from microdl.keras.layers.convolution import Conv2D as Conv2D, DepthwiseConv2D as DepthwiseConv2D
from microdl.keras.layers.core import Activation as Activation, Dense as Dense, Input as Input, InputLayer as InputLayer
from microdl.keras.layers.normalization import BatchNormalization as BatchNormalization
from microdl.keras.layers.pooling import (
    AveragePooling2D as AveragePooling2D,
    AvgPool2D as AvgPool2D,
    GlobalAveragePooling2D as GlobalAveragePooling2D,
    GlobalMaxPooling2D as GlobalMaxPooling2D,
    MaxPool2D as MaxPool2D,
    MaxPooling2D as MaxPooling2D,
)
from microdl.keras.layers.recurrent import GRU as GRU, LSTM as LSTM, SimpleRNN as SimpleRNN
from microdl.keras.layers.regularization import Dropout as Dropout
from microdl.keras.layers.reshaping import Flatten as Flatten, Reshape as Reshape
from microdl.keras.layers.rnn import RNN as RNN
from microdl.keras.layers.wrappers import (
    Bidirectional as Bidirectional,
    TimeDistributed as TimeDistributed,
    Wrapper as Wrapper,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as deserialize,
    serialize_keras_object as serialize,
)

Convolution2D = Conv2D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool2D = GlobalMaxPooling2D

__getattr__ = _missing(__name__, globals(), _later.LAYERS)
