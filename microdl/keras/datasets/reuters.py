"""Reuters: 11,228 newswires as numbers of words, and their topics, from a local file."""

import numpy as np

from microdl.keras.datasets import sequences


def load_data(
    path="reuters.npz",
    num_words=None,
    skip_top=0,
    maxlen=None,
    test_split=0.2,
    seed=113,
    start_char=1,
    oov_char=2,
    index_from=3,
):
    """Loads the newswires from Keras's file ``reuters.npz``, in ``MICRODL_DATA_DIR`` or ``~/.keras/datasets``.

    Args: test_split: in [0, 1), the fraction that is for testing; the others as in ``imdb.load_data``.
    Returns: ``(x_train, y_train), (x_test, y_test)``: lists of word numbers in arrays of dtype object, and their
        topics, int64, 0 to 45.
    Raises: FileNotFoundError that says which file belongs where. ValueError if it is damaged or nothing is left of it.
    """
    caller = "reuters.load_data"
    texts, labels = sequences.load(caller, path, ["x", "y"])
    texts, labels = sequences.shuffled(np.random.RandomState(seed), texts, labels)
    texts, labels = sequences.shorter(caller, sequences.marked(texts, start_char, index_from), labels, maxlen)
    texts = sequences.as_objects(sequences.limited(texts, num_words, skip_top, oov_char))
    count = int(len(texts) * (1 - test_split))
    return (texts[:count], labels[:count]), (texts[count:], labels[count:])


def get_word_index(path="reuters_word_index.json"):
    """The number of each word, from Keras's file ``reuters_word_index.json``: a dict."""
    return sequences.word_index("reuters.get_word_index", path)
