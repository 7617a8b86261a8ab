"""Remove from the image what no process of it uses; the Dockerfile runs it in the stages that build the image.

`python shrink.py environment FOLDER` removes tests, headers and stubs of packages from a virtual environment, and the
symbols of their libraries (binutils' strip). `python shrink.py system` removes installers, Perl, pages and packages of
an interpreter that only developers use from the root of the file system.
"""

from __future__ import annotations

import pathlib
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterable

DEVELOPMENT_FOLDERS = {"tests", "include", "__pycache__", "f2py", "distutils"}
DEVELOPMENT_SUFFIXES = {".pyi", ".pyx", ".pxd", ".a"}
STANDARD_LIBRARY = ("ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tkinter", "turtledemo", "turtle.py")
INSTALLERS = ("pip", "setuptools", "pkg_resources", "wheel", "_distutils_hack", "distutils-precedence.pth")
LAUNCHERS = ("pip*", "wheel*", "easy_install*", "idle*", "2to3*", "pydoc*")
SYSTEM_FOLDERS = ("doc", "info", "lintian", "locale", "man", "perl5", "python-wheels")
SYSTEM_PACKAGES = ("apt", "perl-base", "debconf", "libapt-pkg6.0", "gpgv", "libdb5.3", "libc-l10n")


def environment(folder: pathlib.Path) -> None:
    """Shrink a virtual environment. Libraries in `*.libs` are kept whole: their packager moved parts that strip loses."""
    remove(path for path in folder.rglob("*") if path.is_dir() and path.name in DEVELOPMENT_FOLDERS)
    remove(path for path in folder.rglob("*") if path.suffix in DEVELOPMENT_SUFFIXES)
    libraries = [
        str(path)
        for path in folder.rglob("*.so*")
        if path.is_file() and not any(part.endswith(".libs") for part in path.parts)
    ]
    subprocess.run(["strip", "--strip-unneeded", *libraries], check=True)


def system() -> None:
    """Shrink the root file system; the list of installed packages stays true, for scanners."""
    library = pathlib.Path(sysconfig.get_path("stdlib"))
    remove(library / name for name in STANDARD_LIBRARY)
    remove(library.glob("config-*"))
    for name in INSTALLERS:
        remove(pathlib.Path(folder) / name for folder in sys.path if folder)
    for folder in ("/usr/bin", "/usr/local/bin"):
        for pattern in LAUNCHERS:
            remove(pathlib.Path(folder).glob(pattern))
    remove(pathlib.Path("/usr/share") / name for name in SYSTEM_FOLDERS)
    known = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"], check=True, capture_output=True, text=True
    ).stdout
    installed = {line.split()[0] for line in known.splitlines() if line.endswith(" installed")}
    packages = [name for name in SYSTEM_PACKAGES if name in installed]
    subprocess.run(["dpkg", "--purge", "--force-all", *packages], check=True)
    remove(pathlib.Path(name) for name in ("/var/lib/apt", "/var/cache", "/var/log"))


def remove(paths: Iterable[pathlib.Path]) -> None:
    """Remove files and folders; those that are not there, or whose folder was removed, are passed over."""
    for path in list(paths):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.exists() or path.is_symlink():
            path.unlink()


if __name__ == "__main__":
    if sys.argv[1] == "environment":
        environment(pathlib.Path(sys.argv[2]))
    else:
        system()
