"""References: tensors and variables as keys of dicts and sets."""


class Reference:
    """Names a Tensor or Variable by identity: a key for dicts and sets."""

    __slots__ = ("_referent",)

    def __init__(self, referent):
        self._referent = referent

    def deref(self):
        return self._referent

    def __hash__(self):
        return id(self._referent)

    def __eq__(self, other):
        return isinstance(other, Reference) and other._referent is self._referent

    def __repr__(self):
        return f"<Reference wrapping {self._referent!r}>"
