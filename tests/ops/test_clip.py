"""Clipping by norm against its formula in NumPy."""

import numpy as np
import pytest

from microdl import GradientTape, constant
from microdl.ops import clip


@pytest.mark.parametrize(("limit", "expected"), [(10.0, [3.0, 4.0]), (5.0, [3.0, 4.0]), (1.0, [0.6, 0.8])])
def test_clip_by_norm_shortens_long_tensors_only(limit, expected):
    np.testing.assert_allclose(clip.clip_by_norm([3.0, 4.0], limit), expected, rtol=1e-6)


def test_clip_by_norm_keeps_zeros():
    np.testing.assert_array_equal(clip.clip_by_norm(np.zeros((2, 3)), 1.0), np.zeros((2, 3)))


def test_global_norm_goes_over_all_tensors():
    tensors = [constant([[1.0, 2.0]]), None, constant(2.0), constant([4.0])]
    assert float(clip.global_norm(tensors)) == 5.0
    clipped, norm = clip.clip_by_global_norm(tensors, 2.5)
    assert float(norm) == 5.0
    assert clipped[1] is None
    np.testing.assert_allclose(np.concatenate([np.ravel(t) for t in clipped if t is not None]), [0.5, 1.0, 1.0, 2.0])


def test_clip_by_global_norm_takes_a_norm_that_is_known():
    clipped, norm = clip.clip_by_global_norm([constant([3.0])], 1.0, use_norm=6.0)
    assert (float(clipped[0][0]), float(norm)) == (0.5, 6.0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_norm_that_is_not_finite_makes_everything_nan(bad):
    with np.errstate(invalid="ignore"):  # NumPy warns where the JIT is off
        clipped, _ = clip.clip_by_global_norm([constant([bad]), constant([1.0])], 1.0)
    assert np.isnan(np.ravel(clipped)).all()


def test_gradient_flows_through_clip_by_norm():
    x = constant([3.0, 4.0])
    with GradientTape() as tape:
        tape.watch(x)
        first = clip.clip_by_norm(x, 1.0)[0]
    np.testing.assert_allclose(tape.gradient(first, x), [16 / 125, -12 / 125], rtol=1e-5)


def test_no_tensor_at_all_has_no_norm():
    with pytest.raises(ValueError, match="global_norm: no tensor was given, or only None"):
        clip.global_norm([None])
