"""The C kernels: one library for each source, loaded once per process; each caller declares its signatures."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from functools import cache

import numpy as np

from shared.errors import SetupError


@cache
def library(name: str) -> ctypes.CDLL:
    """The compiled `name.c`; its calls release the interpreter lock. Raises SetupError when it was never built."""
    from shared.native import build

    path = build.library_path(build.HERE / f"{name}.c")
    if not path.exists():
        raise SetupError(f"the kernel {path.name} is missing: run `make install` (`python -m shared.native.build`)")
    return ctypes.CDLL(str(path))


def load_kernels() -> None:
    """Load every kernel, so that a missing one is an error at the start; raises SetupError."""
    from shared.native import build

    for source in build.sources():
        library(source.stem)


def verify_sizes(kernels: ctypes.CDLL, source: str, expected: list[int]) -> None:
    """Raise SetupError unless the structures of a library have these sizes, which are those of their Python classes."""
    kernels.abi_size.restype, kernels.abi_size.argtypes = ctypes.c_int64, [ctypes.c_int64]
    sizes = [kernels.abi_size(which) for which in range(len(expected) + 1)]
    if sizes != [*expected, 0]:
        raise SetupError(
            f"the kernel {source} has structures of {sizes[:-1]} bytes, its Python declaration of {expected}: "
            "run `make install` (`python -m shared.native.build`)"
        )


def verify_constants(kernels: ctypes.CDLL, source: str, expected: Mapping[str, int]) -> None:
    """Raise SetupError unless a library has these constants, in the order in which its `abi_constant` lists them."""
    kernels.abi_constant.restype, kernels.abi_constant.argtypes = ctypes.c_int64, [ctypes.c_int64]
    found = [kernels.abi_constant(which) for which in range(len(expected) + 1)]
    if found != [*expected.values(), -1]:
        names = ", ".join(f"{name} {value}" for name, value in expected.items())
        raise SetupError(
            f"the kernel {source} has the constants {found[:-1]}, Python has {names}: "
            "run `make install` (`python -m shared.native.build`)"
        )


_DATA_OFFSET = object.__basicsize__
"""Where numpy's array object has the address of its elements: behind the header of every object."""


def _has_data_at_offset() -> bool:
    """Return whether the address behind the object header of an array is that of its elements."""
    probe = np.zeros(3)[1:]
    return ctypes.c_size_t.from_address(id(probe) + _DATA_OFFSET).value == int(probe.ctypes.data)


def place(array: np.ndarray) -> int:
    """Return the address of an array's first element; it is valid while the array exists.

    `array.ctypes.data` takes ten times as long, and a run needs a hundred addresses.
    """
    return _read_address(id(array) + _DATA_OFFSET).value if _IS_READABLE else int(array.ctypes.data)


_read_address = ctypes.c_size_t.from_address
_IS_READABLE = _has_data_at_offset()
