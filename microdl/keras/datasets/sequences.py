"""What IMDB and Reuters share: texts as lists of word numbers, by frequency, and what Keras makes of them."""

import json

import numpy as np

from microdl.keras.datasets import files

SOURCE = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"


def load(caller, path, names):
    """Arrays of a file that Keras published."""
    return files.load_npz(caller, files.find(caller, [path], SOURCE + str(path)), names)


def word_index(caller, path):
    """Words and their numbers, 1 for the most frequent: a dict."""
    found = files.find(caller, [path], SOURCE + str(path))
    try:
        return json.loads(found.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{caller}: expected {found} to be a JSON file: {error}") from error


def shuffled(random, texts, labels):
    """Texts and labels in one random order; random: a np.random.RandomState."""
    order = np.arange(len(texts))
    random.shuffle(order)
    return texts[order], labels[order]


def marked(texts, start_char, index_from):
    """Numbers of words moved up by ``index_from``, each text begun with ``start_char`` (None: with nothing)."""
    if start_char is not None:
        return [[start_char, *(word + index_from for word in text)] for text in texts]
    return [[word + (index_from or 0) for word in text] for text in texts]


def shorter(caller, texts, labels, maxlen):
    """The texts of fewer than ``maxlen`` words (None: all), and their labels. Raises ValueError if there are none."""
    if not maxlen:
        return texts, labels
    kept = [i for i, text in enumerate(texts) if len(text) < maxlen]
    if not kept:
        raise ValueError(f"{caller}: no text is shorter than maxlen={maxlen}; increase maxlen")
    return [texts[i] for i in kept], labels[kept]


def limited(texts, num_words, skip_top, oov_char):
    """Other words than those numbered from ``skip_top`` to ``num_words`` become ``oov_char``, or with None nothing.

    Without num_words it is the largest number, so that the word of that number is left out, too: as in Keras.
    """
    num_words = num_words or max(max(text) for text in texts)
    if oov_char is None:
        return [[word for word in text if skip_top <= word < num_words] for text in texts]
    return [[word if skip_top <= word < num_words else oov_char for word in text] for text in texts]


def as_objects(texts):
    """Texts as an array of lists, (N,), of dtype object."""
    array = np.empty(len(texts), object)
    array[:] = texts
    return array
