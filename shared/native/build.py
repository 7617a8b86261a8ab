"""Compile the C kernels of this folder, one shared library a file: `python -m shared.native.build`.

The compiler comes with the `ziglang` wheel, so that every machine builds with the same one. Contraction and fast-math
are off: the same inputs give the same bits on every machine, with and without wide vector instructions.
"""

from __future__ import annotations

import hashlib
import os
import pathlib
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
FLAGS = (
    "-O3", "-std=c11", "-fPIC", "-shared", "-ffp-contract=off", "-fno-fast-math", "-fno-sanitize=undefined",
    "-Wall", "-Wextra", "-Werror", "-pthread",
)  # fmt: skip


def sources() -> list[pathlib.Path]:
    """The C files, in name order."""
    return sorted(HERE.glob("*.c"))


def headers() -> list[pathlib.Path]:
    """Return the header files, in name order."""
    return sorted(HERE.glob("*.h"))


def library_path(source: pathlib.Path) -> pathlib.Path:
    """Return the path of a source's library; its name is a hash of the flags, the source and, if it includes any, the
    headers."""
    text = source.read_bytes()
    parts = [" ".join(FLAGS).encode(), text]
    if b'#include "' in text:
        parts += [header.read_bytes() for header in headers()]
    digest = hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
    return source.with_name(f"{source.stem}-{digest}.so")


def _architecture(*, portable: bool) -> tuple[str, ...]:
    if portable:
        return ()
    try:
        with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
            wide = os.uname().machine == "x86_64" and " avx2 " in info.read()
    except OSError:
        wide = False
    return ("-march=x86_64_v3",) if wide else ()


def build(*, portable: bool = False) -> list[pathlib.Path]:
    """Compile each source whose library is not there yet; older libraries of it are removed.

    `portable` leaves out wide vector instructions that the machine of the build has and another may lack.
    """
    found = []
    for source in sources():
        target = library_path(source)
        if not target.exists():
            scratch = target.with_suffix(f".{os.getpid()}.tmp")
            arch = _architecture(portable=portable)
            command = [sys.executable, "-m", "ziglang", "cc", *FLAGS, *arch, "-o", str(scratch), str(source)]
            subprocess.run(command, check=True)
            scratch.replace(target)
            for old in HERE.glob(f"{source.stem}-*.so"):
                if old != target:
                    old.unlink(missing_ok=True)
        found.append(target)
    return found


if __name__ == "__main__":
    for built in build(portable="--portable" in sys.argv[1:]):
        print(built)  # noqa: T201
