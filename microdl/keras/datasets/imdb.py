"""IMDB: 50,000 film reviews as numbers of words, and whether they praise, from a local file.

Source: Maas et al., "Learning Word Vectors for Sentiment Analysis", 2011.
"""

import numpy as np

from microdl.keras.datasets import sequences


def load_data(
    path="imdb.npz", num_words=None, skip_top=0, maxlen=None, seed=113, start_char=1, oov_char=2, index_from=3
):
    """Loads the reviews from Keras's file ``imdb.npz``, in ``MICRODL_DATA_DIR`` or ``~/.keras/datasets``.

    Args:
        path: str, the file, relative to those folders or absolute. num_words, skip_top: ints; words that are rarer than
            the first ``num_words`` or among the first ``skip_top`` become ``oov_char`` (None: are left out).
        maxlen: int, only reviews of fewer words. seed: of the random order. start_char: int at the beginning of each
            review, or None. index_from: int that is added to the numbers of words.
    Returns: ``(x_train, y_train), (x_test, y_test)``: lists of word numbers in arrays of dtype object, (25000,) each;
        labels are int64, 1 for praise.
    Raises: FileNotFoundError that says which file belongs where. ValueError if it is damaged or nothing is left of it.
    """
    caller, names = "imdb.load_data", ["x_train", "y_train", "x_test", "y_test"]
    x_train, y_train, x_test, y_test = sequences.load(caller, path, names)
    random, parts = np.random.RandomState(seed), []
    for texts, labels in ((x_train, y_train), (x_test, y_test)):
        texts, labels = sequences.shuffled(random, texts, labels)
        parts.append(sequences.shorter(caller, sequences.marked(texts, start_char, index_from), labels, maxlen))
    (x_train, y_train), (x_test, y_test) = parts
    texts = sequences.limited(x_train + x_test, num_words, skip_top, oov_char)
    count = len(x_train)
    return (sequences.as_objects(texts[:count]), y_train), (sequences.as_objects(texts[count:]), y_test)


def get_word_index(path="imdb_word_index.json"):
    """The number of each word, to which ``load_data`` adds ``index_from``, from ``imdb_word_index.json``: a dict."""
    return sequences.word_index("imdb.get_word_index", path)
