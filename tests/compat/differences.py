"""Cases in which microdl means to differ from TensorFlow 1, and why. A case that agrees is taken off by the test."""

DIFFERENCES = {
    "sessions.feed_is_fetched": "what has no axes comes back as a NumPy number, fed or not, not as an array",
    "sessions.feed_of_an_intermediate_tensor": "the same",
}
