"""A podman of its own for the test: its configuration, storage and networks are in one folder."""

from __future__ import annotations

import asyncio
import os
import pathlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp

FOLDER = pathlib.Path(os.environ.get("ONDOL_CONTAINERS_DIR", "/var/tmp/ondol-containers"))  # noqa: S108
"""Images are kept in it between runs; containers and volumes are removed at the end of each."""
ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = ("podman", "runc", "iptables", "debootstrap")
LIBRARIES = ("/usr/lib/podman/netavark", "/usr/lib/podman/aardvark-dns")
NAME_SERVER = pathlib.Path("/run/containers/networks/aardvark-dns/aardvark.pid")
SOCKET = FOLDER / "podman.sock"
COMPOSE = ROOT / ".venv-containers/bin/docker-compose"
MAX_WAIT_S = 300.0
"""How long a command of the test may take, such as the start of all containers."""
CONFIGURATION = """[containers]
default_ulimits = ["nofile=20000:20000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""
STORAGE = """[storage]
driver = "overlay"
graphroot = "{folder}/images"
runroot = "{folder}/run"
"""


def missing() -> list[str]:
    """Return what this machine lacks to run containers; an empty list when they can run."""
    found = [name for name in PROGRAMS if shutil.which(name) is None]
    found += [path for path in LIBRARIES if not pathlib.Path(path).exists()]
    return found + (["root"] if os.geteuid() else [])


def configure() -> None:
    """Write the configuration of the podman of the test."""
    FOLDER.mkdir(mode=0o755, parents=True, exist_ok=True)
    (FOLDER / "containers.conf").write_text(CONFIGURATION, encoding="utf-8")
    (FOLDER / "storage.conf").write_text(STORAGE.format(folder=FOLDER), encoding="utf-8")


def environment() -> dict[str, str]:
    """Return the environment of podman and of docker compose."""
    return os.environ | {
        "CONTAINERS_CONF": str(FOLDER / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(FOLDER / "storage.conf"),
        "DOCKER_HOST": f"unix://{SOCKET}",
        "DISABLE_HC_SYSTEMD": "true",  # without systemd the test runs the health checks itself
    }


def command(*arguments: str | pathlib.Path) -> list[str]:
    """Return a command line of the podman of the test."""
    own = ("--tmpdir", FOLDER / "tmp", "--network-config-dir", FOLDER / "networks")
    return [str(part) for part in ("podman", *own, *arguments)]


def podman(*arguments: str | pathlib.Path, stdin: bytes | None = None, check: bool = True) -> str:
    """Run podman and return its output; RuntimeError with what it wrote when it fails."""
    done = subprocess.run(command(*arguments), input=stdin, env=environment(), capture_output=True, check=False)
    if check and done.returncode:
        raise RuntimeError(f"podman {arguments[0]} ended with {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


def names_are_served() -> bool:
    """Whether the process that answers for the names of containers runs; that of podman 4.3 may end at a restart."""
    try:
        os.kill(int(NAME_SERVER.read_text(encoding="ascii")), 0)
    except (OSError, ValueError):
        return False
    return True


@asynccontextmanager
async def serving() -> AsyncIterator[aiohttp.ClientSession]:
    """Serve podman's API, for docker compose, until the block ends; yield a session that reaches it."""
    SOCKET.unlink(missing_ok=True)
    process = await asyncio.create_subprocess_exec(
        *command("system", "service", "--time", "0", f"unix://{SOCKET}"), env=environment(),
        stdout=asyncio.subprocess.DEVNULL, stderr=(FOLDER / "service.log").open("wb"),
    )  # fmt: skip
    try:
        async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(SOCKET))) as session:
            async with asyncio.timeout(30):
                while not SOCKET.exists():
                    await asyncio.sleep(0.05)
            yield session
    finally:
        process.terminate()
        await process.wait()


async def output_of(arguments: Sequence[str], folder: pathlib.Path, *, check: bool = True) -> str:
    """Run a command in a folder and return what it wrote; RuntimeError when it fails or does not end."""
    process = await asyncio.create_subprocess_exec(
        *arguments, cwd=folder, env=environment(),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(MAX_WAIT_S):
            text = (await process.communicate())[0].decode()
    except TimeoutError:
        raise RuntimeError(f"{' '.join(arguments)} has not ended after {MAX_WAIT_S:.0f} s") from None
    finally:
        if process.returncode is None:
            process.kill()
    if check and process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} ended with {process.returncode}:\n{text[-4000:]}")
    return text
