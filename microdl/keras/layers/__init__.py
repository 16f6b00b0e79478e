"""Keras's layers."""

from microdl.core.missing import missing as _missing
from microdl.keras import later as _later
from microdl.keras.layers.activation import (
    ELU as ELU,
    LeakyReLU as LeakyReLU,
    PReLU as PReLU,
    ReLU as ReLU,
    Softmax as Softmax,
)
from microdl.keras.layers.attention import (
    AdditiveAttention as AdditiveAttention,
    Attention as Attention,
)
from microdl.keras.layers.base import (
    Layer as Layer,
)
from microdl.keras.layers.borders import (
    Cropping1D as Cropping1D,
    Cropping2D as Cropping2D,
    ZeroPadding1D as ZeroPadding1D,
    ZeroPadding2D as ZeroPadding2D,
)
from microdl.keras.layers.cells import (
    GRUCell as GRUCell,
    LSTMCell as LSTMCell,
    SimpleRNNCell as SimpleRNNCell,
    StackedRNNCells as StackedRNNCells,
)
from microdl.keras.layers.convolution import (
    Conv1D as Conv1D,
    Conv2D as Conv2D,
    DepthwiseConv1D as DepthwiseConv1D,
    DepthwiseConv2D as DepthwiseConv2D,
)
from microdl.keras.layers.core import (
    Activation as Activation,
    Dense as Dense,
    Identity as Identity,
    Input as Input,
    InputLayer as InputLayer,
    Lambda as Lambda,
)
from microdl.keras.layers.einsum_dense import (
    EinsumDense as EinsumDense,
)
from microdl.keras.layers.embedding import (
    Embedding as Embedding,
    Masking as Masking,
)
from microdl.keras.layers.layer_normalization import (
    GroupNormalization as GroupNormalization,
    LayerNormalization as LayerNormalization,
    RMSNormalization as RMSNormalization,
    UnitNormalization as UnitNormalization,
)
from microdl.keras.layers.merging import (
    Add as Add,
    Average as Average,
    Concatenate as Concatenate,
    Dot as Dot,
    Maximum as Maximum,
    Minimum as Minimum,
    Multiply as Multiply,
    Subtract as Subtract,
    add as add,
    average as average,
    concatenate as concatenate,
    dot as dot,
    maximum as maximum,
    minimum as minimum,
    multiply as multiply,
    subtract as subtract,
)
from microdl.keras.layers.multi_head import (
    MultiHeadAttention as MultiHeadAttention,
)
from microdl.keras.layers.normalization import (
    BatchNormalization as BatchNormalization,
)
from microdl.keras.layers.pooling import (
    AveragePooling1D as AveragePooling1D,
    AveragePooling2D as AveragePooling2D,
    AvgPool1D as AvgPool1D,
    AvgPool2D as AvgPool2D,
    GlobalAveragePooling1D as GlobalAveragePooling1D,
    GlobalAveragePooling2D as GlobalAveragePooling2D,
    GlobalMaxPooling1D as GlobalMaxPooling1D,
    GlobalMaxPooling2D as GlobalMaxPooling2D,
    MaxPool1D as MaxPool1D,
    MaxPool2D as MaxPool2D,
    MaxPooling1D as MaxPooling1D,
    MaxPooling2D as MaxPooling2D,
)
from microdl.keras.layers.preprocessing import (
    CategoryEncoding as CategoryEncoding,
    Normalization as Normalization,
    RandomFlip as RandomFlip,
    Rescaling as Rescaling,
)
from microdl.keras.layers.recurrent import (
    GRU as GRU,
    LSTM as LSTM,
    SimpleRNN as SimpleRNN,
)
from microdl.keras.layers.regularization import (
    ActivityRegularization as ActivityRegularization,
    AlphaDropout as AlphaDropout,
    Dropout as Dropout,
    GaussianDropout as GaussianDropout,
    GaussianNoise as GaussianNoise,
    SpatialDropout1D as SpatialDropout1D,
    SpatialDropout2D as SpatialDropout2D,
)
from microdl.keras.layers.reshaping import (
    Flatten as Flatten,
    Permute as Permute,
    RepeatVector as RepeatVector,
    Reshape as Reshape,
)
from microdl.keras.layers.rnn import (
    RNN as RNN,
)
from microdl.keras.layers.saved import TFSMLayer as TFSMLayer
from microdl.keras.layers.separable import (
    Conv1DTranspose as Conv1DTranspose,
    Conv2DTranspose as Conv2DTranspose,
    SeparableConv1D as SeparableConv1D,
    SeparableConv2D as SeparableConv2D,
)
from microdl.keras.layers.upsampling import (
    Resizing as Resizing,
    UpSampling1D as UpSampling1D,
    UpSampling2D as UpSampling2D,
)
from microdl.keras.layers.wrappers import (
    Bidirectional as Bidirectional,
    TimeDistributed as TimeDistributed,
    Wrapper as Wrapper,
)
from microdl.keras.persistence.serialization import (
    deserialize_keras_object as deserialize,
    serialize_keras_object as serialize,
)

Convolution1D = Conv1D
Convolution2D = Conv2D
Convolution1DTranspose = Conv1DTranspose
Convolution2DTranspose = Conv2DTranspose
GlobalAvgPool1D = GlobalAveragePooling1D
GlobalAvgPool2D = GlobalAveragePooling2D
GlobalMaxPool1D = GlobalMaxPooling1D
GlobalMaxPool2D = GlobalMaxPooling2D
SeparableConvolution1D = SeparableConv1D
SeparableConvolution2D = SeparableConv2D

__getattr__ = _missing(__name__, globals(), _later.LAYERS)
