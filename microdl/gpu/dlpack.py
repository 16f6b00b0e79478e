"""DLPack: how libraries hand arrays to each other, as capsules around a C struct (dlpack.h, version 0.8)."""

import ctypes
import sys
import weakref

import numpy as np

from microdl.core.locks import new_lock

CUDA = 2  # kDLCUDA
NAME, USED = b"dltensor", b"used_dltensor"  # of capsules, before and after somebody took the array
_CODES = {"i": 0, "u": 1, "f": 2, "b": 6}  # DLDataTypeCode by kind of NumPy's dtype


class _Device(ctypes.Structure):
    _fields_ = (("kind", ctypes.c_int32), ("ordinal", ctypes.c_int32))


class _DataType(ctypes.Structure):
    _fields_ = (("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16))


class _Tensor(ctypes.Structure):
    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", _Device),
        ("ndim", ctypes.c_int32),
        ("dtype", _DataType),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    )


class _Managed(ctypes.Structure):
    _fields_ = (("tensor", _Tensor), ("context", ctypes.c_void_p), ("deleter", ctypes.c_void_p))


_Deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
_rename = ctypes.pythonapi.PyCapsule_SetName
_rename.restype, _rename.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)
_is_valid = ctypes.pythonapi.PyCapsule_IsValid
_is_valid.restype, _is_valid.argtypes = ctypes.c_int, (ctypes.py_object, ctypes.c_char_p)

_given = {}  # address of a struct -> (struct, shape, array): what others hold
_capsules = {}  # address of a struct -> its capsule, until somebody has taken the array
_sweeping = new_lock()


@_Deleter
def _taken_back(address):
    _given.pop(address, None)


def _sweep():
    """Lets go of arrays whose capsules were dropped before anybody took them.

    A destructor of the capsule would tell at once. But who refuses an array raises an exception and drops the capsule
    meanwhile, and no Python code may run then.
    """
    with _sweeping:
        for address in list(_capsules):
            if not _is_valid(_capsules[address], NAME):  # taken: ``_taken_back`` will tell
                del _capsules[address]
            elif sys.getrefcount(_capsules[address]) <= 2:  # nobody but we and this call have it
                del _given[address], _capsules[address]


def capsule(array):
    """A capsule of a DeviceArray; whoever takes it keeps the array alive."""
    _sweep()
    shape = (ctypes.c_int64 * max(array.ndim, 1))(*array.shape)
    dtype = _DataType(_CODES[array.dtype.kind], 8 * array.dtype.itemsize, 1)
    device = _Device(*array.__dlpack_device__())
    tensor = _Tensor(array.address or None, device, array.ndim, dtype, shape, None, 0)
    managed = _Managed(tensor, None, ctypes.cast(_taken_back, ctypes.c_void_p))
    address = ctypes.addressof(managed)
    _given[address] = managed, shape, array
    _capsules[address] = made = _new(address, NAME, None)
    return made


def device_kind(capsule):
    """DLPack's number for the kind of device on which a capsule's array lies; the capsule stays as it is."""
    return int(_Managed.from_address(_pointer(capsule, NAME)).tensor.device.kind)


class Opened:
    """An array that another library gave; it is given back when this is dropped.

    Attributes:
        address: of its first element. shape: tuple. dtype: NumPy's. strides: in elements, or None if contiguous.
    """

    def __init__(self, managed):
        tensor = managed.tensor
        self.address = (tensor.data or 0) + tensor.byte_offset
        self.shape = tuple(tensor.shape[i] for i in range(tensor.ndim))
        self.strides = tuple(tensor.strides[i] for i in range(tensor.ndim)) if tensor.strides else None
        kinds = {code: kind for kind, code in _CODES.items()}
        code, bits, lanes = tensor.dtype.code, tensor.dtype.bits, tensor.dtype.lanes
        if code not in kinds or lanes != 1 or bits % 8:
            raise ValueError(f"DLPack's type with code {code}, {bits} bits and {lanes} lanes is not known here")
        self.dtype = np.dtype(f"{kinds[code]}{bits // 8}")


def opened(capsule):
    """The ``Opened`` array of a capsule, which nobody else can take then."""
    address = _pointer(capsule, NAME)
    managed = _Managed.from_address(address)
    found = Opened(managed)
    _rename(capsule, USED)
    if managed.deleter:
        weakref.finalize(found, _Deleter(managed.deleter), address).atexit = False
    return found
