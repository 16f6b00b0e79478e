"""Cases in which microdl means to differ from TensorFlow, and why. A case that agrees is taken off by the test."""

DIFFERENCES = {
    "arithmetic.comparison_of_shapes_that_do_not_broadcast": "an error that names the shapes, not a single False",
    "arrays.index_by_a_list": "TypeError, as for other indices of a wrong type; it says what to use instead",
    "matrices.cholesky_of_what_is_not_positive": "an error, not NaN",
    "tape_gradients.source_is_a_number": "TypeError that says what a source is, not AttributeError: _id",
    "values.bool_for_a_float": "truth values become numbers by tf.cast alone",
    "values.too_large_for_int8": "an error, not another number",
}
