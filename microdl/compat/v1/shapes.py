"""Shapes as TensorFlow 1 has them: of Dimensions, and perhaps of unknown rank."""

from microdl.core.shapes import as_shape


class Dimension(int):
    """A size. ``value`` is the int."""

    @property
    def value(self):
        return int(self)

    def __repr__(self):
        return f"Dimension({int(self)})"

    def __str__(self):
        return str(int(self))

    def __add__(self, other):
        return _dimension(other if other is None else int(self) + int(other))

    def __sub__(self, other):
        return _dimension(other if other is None else int(self) - int(other))

    def __mul__(self, other):
        return _dimension(other if other is None else int(self) * int(other))

    def __floordiv__(self, other):
        return _dimension(other if other is None else int(self) // int(other))

    def __radd__(self, other):
        return self + other

    def __rmul__(self, other):
        return self * other


class UnknownDimension:
    """A size that is known only when the graph runs; so is whatever is computed from it."""

    value = None

    def __repr__(self):
        return "Dimension(None)"

    def __str__(self):
        return "?"

    def _unknown(self, *others):
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __floordiv__ = __rfloordiv__ = __mod__ = _unknown

    def __eq__(self, other):
        return None

    __hash__ = None  # pyright: ignore[reportAssignmentType]


_UNKNOWN = UnknownDimension()


def _dimension(n):
    return _UNKNOWN if n is None else Dimension(n)


class TensorShape:
    """Sizes of a tensor's axes; None for unknown ones, and as a whole if not even their number is known."""

    def __init__(self, dims):
        if isinstance(dims, TensorShape):
            dims = None if dims.rank is None else dims.as_list()
        elif isinstance(dims, (list, tuple)):
            dims = [getattr(n, "value", n) for n in dims]
        self._sizes = None if dims is None else as_shape(dims)

    @property
    def rank(self):
        return None if self._sizes is None else len(self._sizes)

    ndims = rank

    @property
    def dims(self):
        return None if self._sizes is None else list(map(_dimension, self._sizes))

    def as_list(self):
        if self._sizes is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._sizes)

    def num_elements(self):
        """Product of the sizes; None if one of them is unknown."""
        if not self.is_fully_defined():
            return None
        count = 1
        for n in self._sizes or ():
            count *= n
        return count

    def is_fully_defined(self):
        return self._sizes is not None and None not in self._sizes

    def is_compatible_with(self, other):
        mine, theirs = self._sizes, TensorShape(other)._sizes
        if mine is None or theirs is None:
            return True
        return len(mine) == len(theirs) and all(None in (m, n) or m == n for m, n in zip(mine, theirs, strict=True))

    def merge_with(self, other):
        """What both say together. Raises ValueError if they contradict each other."""
        other = TensorShape(other)
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {other} are not compatible: {self._conflict(other)}")
        if self._sizes is None or other._sizes is None:
            return other if self._sizes is None else self
        return TensorShape([n if m is None else m for m, n in zip(self._sizes, other._sizes, strict=True)])

    def _conflict(self, other):
        if self.rank != other.rank:
            return f"they have {self.rank} and {other.rank} axes"
        pairs = enumerate(zip(self._sizes or (), other._sizes or (), strict=True))
        i, m, n = next((i, m, n) for i, (m, n) in pairs if None not in (m, n) and m != n)
        return f"Dimension {i} in both shapes must be equal, but are {m} and {n}."

    def __len__(self):
        if self._sizes is None:
            raise ValueError("Cannot take the length of shape with unknown rank.")
        return len(self._sizes)

    def __iter__(self):
        if self._sizes is None:
            raise ValueError("Cannot iterate over a shape with unknown rank.")
        return iter(self.dims or ())

    def __getitem__(self, key):
        if self._sizes is None:
            return TensorShape(None) if isinstance(key, slice) else _UNKNOWN
        return TensorShape(self._sizes[key]) if isinstance(key, slice) else _dimension(self._sizes[key])

    def __eq__(self, other):
        try:
            return self._sizes == TensorShape(other)._sizes
        except TypeError:
            return NotImplemented

    def __hash__(self):
        return hash(self._sizes)

    def __bool__(self):
        return self._sizes is not None

    def __str__(self):
        if self._sizes is None:
            return "<unknown>"
        sizes = ["?" if n is None else str(n) for n in self._sizes]
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    def __repr__(self):
        return f"TensorShape({None if self._sizes is None else self.dims})"
