"""Names that a module does not have."""

import pytest

from microdl.core.missing import missing

look_up = missing("tf.things", {"Conv2D": 1, "Dense": 2, "_Dence": 3}, later=("Lambda",))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Lambda", "module 'tf.things': 'Lambda' is not in microdl yet"),
        ("conv2d", "module 'tf.things' has no attribute 'conv2d'; did you mean 'Conv2D'?"),
        ("Dence", "module 'tf.things' has no attribute 'Dence'; did you mean 'Dense'?"),
        ("sqwrt", "module 'tf.things' has no attribute 'sqwrt'"),
        ("__path__", "module 'tf.things' has no attribute '__path__'"),
    ],
)
def test_a_missing_name_is_explained(name, message):
    with pytest.raises(AttributeError) as raised:
        look_up(name)
    assert str(raised.value) == message


def test_names_that_came_later_are_known():
    names = {}
    look_up = missing("tf.things", names)
    names["Dense"] = 1
    with pytest.raises(AttributeError, match="did you mean 'Dense'"):
        look_up("Densee")
