"""Changes of some rows of a variable: ``ref[indices[i]] = updates[i]`` and the like."""

from microdl.compat.v1.operation import Named
from microdl.compat.v1.variables import Variable
from microdl.core import errors
from microdl.core.tensor import convert
from microdl.ops import scatter, shaping


def scatter_update(ref, indices, updates, use_locking=True, name=None):
    """A Tensor: the value of the variable ``ref`` after rows ``indices`` were replaced by ``updates``.

    Args: indices: int32 or int64, any shape. updates: indices' shape and then that of a row, or a scalar for all.
    """
    return _changed(ref, indices, updates, _updated_rows, "ScatterUpdate", name)


def scatter_add(ref, indices, updates, use_locking=False, name=None):
    """The same after ``updates`` were added to rows; those of an index that comes twice both count."""
    return _changed(ref, indices, updates, _added_rows, "ScatterAdd", name)


def scatter_sub(ref, indices, updates, use_locking=False, name=None):
    """The same after ``updates`` were subtracted from rows."""
    return _changed(ref, indices, updates, _subtracted_rows, "ScatterSub", name)


def scatter_min(ref, indices, updates, use_locking=False, name=None):
    """The same after rows became the smaller of themselves and ``updates``."""
    return _changed(ref, indices, updates, _smallest_rows, "ScatterMin", name)


def scatter_max(ref, indices, updates, use_locking=False, name=None):
    """The same after rows became the larger of themselves and ``updates``."""
    return _changed(ref, indices, updates, _largest_rows, "ScatterMax", name)


def scatter_nd_update(ref, indices, updates, use_locking=True, name=None):
    """The same after the slices that ``indices`` (..., axes) name were replaced by ``updates``."""
    return _changed(ref, indices, updates, scatter.tensor_scatter_nd_update, "ScatterNdUpdate", name)


def scatter_nd_add(ref, indices, updates, use_locking=False, name=None):
    """The same after ``updates`` were added to slices."""
    return _changed(ref, indices, updates, scatter.tensor_scatter_nd_add, "ScatterNdAdd", name)


def scatter_nd_sub(ref, indices, updates, use_locking=False, name=None):
    """The same after ``updates`` were subtracted from slices."""
    return _changed(ref, indices, updates, scatter.tensor_scatter_nd_sub, "ScatterNdSub", name)


def _changed(ref, indices, updates, change, kind, name):
    if not isinstance(ref, Variable):
        raise TypeError(f"{kind}: a Variable is changed, got {ref!r}")
    if isinstance(updates, Named) and updates.dtype is not ref.dtype:
        raise errors.MixedDTypesError(
            f"Input 'updates' of '{kind}' Op has type {updates.dtype.name} that does not match type {ref.dtype.name} "
            "of argument 'ref'.",
            *(kind, ("ref", ref.dtype.name), ("updates", updates.dtype.name)),
        )
    with ref.graph.entered(), ref.graph.naming(name or kind):
        return ref.graph.defer(_scattered, (ref, indices, updates, change, kind), {})


def _scattered(variable, indices, updates, change, kind):
    variable.assign(change(convert(variable), convert(indices), convert(updates, variable.dtype)), read_value=False)
    return variable.read_value()


def _rows(change):
    """``change`` of rows, one index each."""

    def changed(value, indices, updates):
        sizes = (*indices.shape, *value.shape[1:])
        if not updates.shape and sizes:
            updates = shaping.broadcast_to(updates, sizes)
        return change(value, shaping.expand_dims(indices, -1), updates)

    return changed


_updated_rows, _added_rows = _rows(scatter.tensor_scatter_nd_update), _rows(scatter.tensor_scatter_nd_add)
_subtracted_rows, _smallest_rows = _rows(scatter.tensor_scatter_nd_sub), _rows(scatter.tensor_scatter_nd_min)
_largest_rows = _rows(scatter.tensor_scatter_nd_max)
