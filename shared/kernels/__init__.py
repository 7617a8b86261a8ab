"""The C kernels: one library for each source, loaded once per process; each room declares the signatures of its own."""

from __future__ import annotations

import ctypes
from functools import cache

from shared.errors import SetupError


@cache
def library(name: str) -> ctypes.CDLL:
    """The compiled `name.c`; its calls release the interpreter lock. Raises SetupError when it was never built."""
    from shared.kernels import build

    path = build.library_path(build.HERE / f"{name}.c")
    if not path.exists():
        raise SetupError(f"the kernel {path.name} is missing: run `make install` (`python -m shared.kernels.build`)")
    return ctypes.CDLL(str(path))
