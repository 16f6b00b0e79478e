"""How tensors lend their memory to other libraries: DLPack, and CUDA's array interface."""

import weakref
from typing import Any


class Lends:
    """What Operands are to ``np.from_dlpack``, ``torch.from_dlpack``, CuPy and Numba: arrays, without a copy.

    Tensors are immutable, so whoever takes one may read and must not write. A variable may change, so what DLPack gives
    of it, and of a tensor that shows its memory, is a copy; its array interface is the memory itself.
    """

    __slots__ = ()
    borrowed = False

    def known_array(self) -> Any:
        raise NotImplementedError

    def own_array(self) -> Any:
        raise NotImplementedError

    def __dlpack__(self, **how):
        return (self.own_array() if self.borrowed else self.known_array()).__dlpack__(**how)

    def __dlpack_device__(self):
        return self.known_array().__dlpack_device__()

    @property
    def __cuda_array_interface__(self):
        """Of a tensor on a GPU; others have none (AttributeError). Whoever reads the memory keeps the tensor."""
        if not self.borrowed:
            return self.known_array().__cuda_array_interface__
        array = self.own_array()
        shown = array.__cuda_array_interface__
        weakref.finalize(self, hold, array).atexit = False
        return shown


def hold(array):
    """Does nothing; until it is called ``array`` is there."""
