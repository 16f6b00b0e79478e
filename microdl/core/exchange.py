"""How tensors lend their memory to other libraries: DLPack, and CUDA's array interface."""

from typing import Any


class Lends:
    """What Operands are to ``np.from_dlpack``, ``torch.from_dlpack``, CuPy and Numba: arrays, without a copy.

    Tensors are immutable, so whoever takes one may read and must not write. What a variable shows is copied: it may
    change.
    """

    __slots__ = ()
    borrowed = False

    def known_array(self) -> Any:
        raise NotImplementedError

    def _lent_array(self):
        array = self.known_array()
        return array.copy() if self.borrowed else array

    def __dlpack__(self, **how):
        return self._lent_array().__dlpack__(**how)

    def __dlpack_device__(self):
        return self.known_array().__dlpack_device__()

    @property
    def __cuda_array_interface__(self):
        """Of a tensor on a GPU; others have none (AttributeError)."""
        return self._lent_array().__cuda_array_interface__
