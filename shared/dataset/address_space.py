"""Reservation of the address range of a field: years are mapped into it one by one, so that any window is one slice.

The range is reserved without memory; a panel file (a whole number of pages, because every row is) is then mapped
read-only at the position of its year. Successive years are adjacent in memory: a slice across years copies nothing.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from functools import cache
from typing import Any

import numpy as np

from shared.dataset.native import Array
from shared.errors import DatasetError

_PROT_NONE, _MAP_SHARED, _MAP_PRIVATE, _MAP_FIXED, _MAP_ANONYMOUS = 0, 1, 2, 0x10, 0x20
_MAP_NORESERVE, _MAP_POPULATE = 0x4000, 0x8000


@cache
def _libc() -> ctypes.CDLL:
    libc = ctypes.CDLL(None, use_errno=True)
    sizes = (ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int64)
    libc.mmap.argtypes, libc.mmap.restype = (ctypes.c_void_p, *sizes), ctypes.c_void_p
    libc.munmap.argtypes, libc.munmap.restype = (ctypes.c_void_p, ctypes.c_size_t), ctypes.c_int
    return libc


def _map(at: int | None, length: int, protection: int, flags: int, fd: int) -> int:
    found = _libc().mmap(at, length, protection, flags, fd, 0)
    if found is None or found == ctypes.c_void_p(-1).value:
        raise DatasetError(f"memory cannot be mapped: {os.strerror(ctypes.get_errno())}")
    return int(found)


def stride_of(columns: int, dtype: np.dtype[Any]) -> int:
    """Return the elements from one row to the next: every row starts on a page."""
    per_page = mmap.PAGESIZE // dtype.itemsize
    return max(-(-columns // per_page), 1) * per_page


class AddressReservation:
    """Reserved addresses of [rows, columns] elements. Arrays from `array` hold it; it is unmapped with the last one."""

    def __init__(self, rows: int, columns: int, dtype: np.dtype[Any]) -> None:
        self.row_bytes = stride_of(columns, dtype) * dtype.itemsize
        self._length = max(rows * self.row_bytes, mmap.PAGESIZE)
        self._munmap = _libc().munmap
        self._address = _map(None, self._length, _PROT_NONE, _MAP_PRIVATE | _MAP_ANONYMOUS | _MAP_NORESERVE, -1)
        self.__array_interface__ = {
            "data": (self._address, True),
            "shape": (rows, columns),
            "strides": (self.row_bytes, dtype.itemsize),
            "typestr": dtype.str,
            "version": 3,
        }

    def array(self) -> Array:
        """Return the whole matrix, read-only; only rows that are mapped may be read."""
        return np.asarray(self)

    def map(self, fd: int, rows: slice) -> None:
        """Map the file of these rows at their position."""
        length = (rows.stop - rows.start) * self.row_bytes
        at = self._address + rows.start * self.row_bytes
        _map(at, length, mmap.PROT_READ, _MAP_SHARED | _MAP_FIXED | _MAP_POPULATE, fd)

    def __del__(self) -> None:
        if hasattr(self, "_address"):
            self._munmap(self._address, self._length)
