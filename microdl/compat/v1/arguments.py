"""Functions whose arguments TensorFlow 1 has in another order, or by other names."""

import functools

# TensorFlow 1's arguments in their order. After a colon: the name in TensorFlow 2; nothing: accepted, without effect.
ARGUMENTS = {
    "boolean_mask": "tensor mask name axis",
    "confusion_matrix": "labels predictions num_classes dtype name weights",
    "count_nonzero": "input_tensor:input axis keepdims dtype name reduction_indices:axis keep_dims:keepdims input",
    "gather": "params indices validate_indices: name axis batch_dims",
    "norm": "tensor ord axis keepdims name keep_dims:keepdims",
    "ones_like": "tensor:input dtype name optimize: input",
    "pad": "tensor paddings mode name constant_values",
    "shape": "input name out_type",
    "size": "input name out_type",
    "zeros_like": "tensor:input dtype name optimize: input",
    "nn.conv2d_transpose":
        "value:input filter:filters output_shape strides padding data_format name input filters dilations",
    "nn.depthwise_conv2d": "input filter strides padding rate:dilations name data_format dilations",
    "nn.embedding_lookup": "params ids partition_strategy: name validate_indices: max_norm",
    "nn.l2_normalize": "x axis epsilon name dim:axis",
    "nn.separable_conv2d":
        "input depthwise_filter pointwise_filter strides padding rate:dilations name data_format dilations",
    "nn.weighted_cross_entropy_with_logits": "labels logits pos_weight name targets:labels",
    "nn.zero_fraction": "value name",
}  # fmt: skip
DEFAULTS = {"gather": {"axis": 0}, "nn.conv2d_transpose": {"padding": "SAME"}}  # where TensorFlow 2 has others


def with_old_arguments(path, function):
    """``function`` with TensorFlow 1's arguments, if they differ. path: its name, ``"nn.l2_normalize"``."""
    if path not in ARGUMENTS:
        return function
    names = [part.partition(":") for part in ARGUMENTS[path].split()]
    new = {old: name if colon else old for old, colon, name in names}
    order, defaults = list(new), DEFAULTS.get(path, {})

    @functools.wraps(function)
    def call(*args, **kwargs):
        if len(args) > len(order):
            raise TypeError(f"{path}() takes {len(order)} arguments, got {len(args)}")
        given = {**dict(zip(order, args, strict=False)), **kwargs}
        passed = dict(defaults)
        for old, value in given.items():
            name = new.get(old, old)
            if name and value is not None:
                passed[name] = value
        return function(**passed)

    return call
