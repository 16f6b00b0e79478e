"""Names that Keras's modules have and microdl's lack so far: who asks for one is told so (``core/missing.py``)."""


def _names(text):
    return tuple(text.split())


KERAS = _names("""
    DTypePolicy FloatDTypePolicy Function InputSpec Quantizer Variable applications device
    distribution dtype_policies name_scope random tree visualization
""")

# What to use in place of names that will not come soon.
INSTEAD = {
    "mixed_precision": (
        "kernels compute in float32; leave the policy out. Tensor cores of a GPU are used after "
        "tf.config.experimental.enable_tensor_float_32_execution(True)"
    ),
}

LAYERS = _names("""
    AdaptiveAveragePooling1D AdaptiveAveragePooling2D AdaptiveAveragePooling3D AdaptiveMaxPooling1D
    AdaptiveMaxPooling2D AdaptiveMaxPooling3D AugMix AutoContrast AveragePooling3D AvgPool3D CenterCrop
    ContrastLimitedAdaptiveHistogramEqualization Conv3D Conv3DTranspose ConvLSTM1D ConvLSTM2D ConvLSTM3D
    Convolution3D Convolution3DTranspose Cropping3D CutMix Discretization Equalization GlobalAveragePooling3D
    GlobalAvgPool3D GlobalMaxPool3D GlobalMaxPooling3D GroupQueryAttention HashedCrossing Hashing InputSpec
    IntegerLookup MaxNumBoundingBoxes MaxPool3D MaxPooling3D MelSpectrogram MixUp Pipeline RandAugment
    RandomBrightness RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop RandomElasticTransform
    RandomErasing RandomGaussianBlur RandomGrayscale RandomHeight RandomHue RandomInvert RandomPerspective
    RandomPosterization RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation RandomWidth
    RandomZoom ReversibleEmbedding STFTSpectrogram Solarization SpatialDropout3D SpectralNormalization StringLookup
    TextVectorization ThresholdedReLU UpSampling3D ZeroPadding3D
""")

CALLBACKS = _names("""
    OrbaxCheckpoint RemoteMonitor SwapEMAWeights
""")

OPTIMIZERS = _names("""
    Adafactor Lamb LossScaleOptimizer MultiOptimizer Muon ScheduleFreeAdamW
""")

LOSSES = _names("""
    CTC CategoricalGeneralizedCrossEntropy Circle categorical_generalized_cross_entropy circle ctc
""")

METRICS = _names("""
    ConcordanceCorrelation PearsonCorrelation concordance_correlation pearson_correlation
""")

INITIALIZERS = _names("""
    STFT STFTInitializer stft
""")

UTILS = _names("""
    FeatureSpace audio_dataset_from_directory bounding_boxes disable_interactive_logging
    enable_interactive_logging get_source_inputs image_dataset_from_directory is_interactive_logging_enabled
    text_dataset_from_directory
""")

DATASETS = _names("""
    california_housing
""")
