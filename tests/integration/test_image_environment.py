"""Each service starts as the image starts it: an unprivileged user, a read-only tree, the image's environment alone.

A mount namespace stands for the container: the checkout and the interpreter are mounted read-only, /run/secrets holds
the files of compose.yaml, and only /tmp and the panel folder can be written.
"""

from __future__ import annotations

import asyncio
import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
import yaml

from ondol.local.ports import free_port
from shared.settings import Settings
from tests.support.api_helpers import connection_of

ROOT = pathlib.Path(__file__).resolve().parents[2]
INTERPRETER = pathlib.Path(sys.base_prefix).resolve()
USER = "10001"
MAX_WAIT_S = 60.0
CONTAINER = (
    "set -e; mount --bind {python} {scratch}/python; "
    "case {python} in /root/*) mount -t tmpfs -o mode=755 tmpfs /root; mkdir -p {python};; esac; "
    "mount --bind {scratch}/python {python}; mount -o remount,bind,ro {python}; "
    "mount --bind {root} {root}; mount -o remount,bind,ro {root}; "
    "mount -t tmpfs -o mode=755 tmpfs /run; cp -r {scratch}/secrets /run/secrets; chmod -R a+rX /run/secrets; "
    "cd {root}; exec setpriv --reuid " + USER + " --regid " + USER + " --clear-groups --no-new-privs "
    "--bounding-set=-all env -i {environment} {command}"
)


def _namespaces() -> bool:
    return (
        os.geteuid() == 0
        and shutil.which("unshare") is not None
        and shutil.which("setpriv") is not None
        and subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False).returncode == 0
    )


pytestmark = pytest.mark.skipif(not _namespaces(), reason="needs root and mount namespaces")


@pytest.fixture
def scratch() -> Iterator[pathlib.Path]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="ondol-image-"))
    folder.chmod(0o755)
    for name in ("python", "secrets"):
        (folder / name).mkdir()
    panels = folder / "panels"
    panels.mkdir()
    os.chown(panels, int(USER), int(USER))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def _enterable(settings: Settings) -> None:
    """Let the unprivileged user reach the sockets of the test's servers."""
    database = urlsplit(settings.database_url or "")
    folders = {parse_qs(database.query).get("host", [database.path])[0]}
    folders |= {str(pathlib.Path(urlsplit(url or "").path).parent) for url in (settings.broker_url, settings.cache_url)}
    for folder in folders:
        for path in (pathlib.Path(folder), pathlib.Path(folder).parent):
            if str(path).startswith(tempfile.gettempdir() + "/"):
                path.chmod(0o755)
        for socket in pathlib.Path(folder).iterdir():
            if socket.is_socket():
                socket.chmod(0o777)


def _replace(file: pathlib.Path, text: str) -> str:
    """Write a file and return what it had."""
    before = file.read_text(encoding="utf-8")
    file.write_text(text, encoding="utf-8")
    return before


@asynccontextmanager
async def _any_user_may_log_in(settings: Settings) -> AsyncIterator[None]:
    """Let the unprivileged user, which the machine does not know, log in to PostgreSQL, as it does by a password."""
    async with connection_of(settings) as connection:
        file = pathlib.Path(await connection.fetchval("show hba_file"))
        before = _replace(file, "local all all trust\n")
        await connection.fetchval("select pg_reload_conf()")
        try:
            yield
        finally:
            _replace(file, before)
            await connection.fetchval("select pg_reload_conf()")


@pytest.mark.parametrize("name", ["api", "preparer", "simulator", "warmer"])
async def test_a_service_starts_as_the_image_starts_it(name: str, settings: Settings, scratch: pathlib.Path) -> None:
    _enterable(settings)
    service = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))["services"][name]
    port = free_port()
    secrets = {
        "database_url": settings.database_url, "broker_url": settings.broker_url, "cache_url": settings.cache_url,
        "warmer_key": "", "krx_key": "", "dart_key": "", "kis_key": "", "kis_secret": "",
    }  # fmt: skip
    for secret, text in secrets.items():
        (scratch / "secrets" / secret).write_text(text or "", encoding="utf-8")
    environment = service["environment"] | {"PATH": f"{ROOT}/.venv/bin:/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    environment |= {"ONDOL_API_HOST": "127.0.0.1", "ONDOL_METRICS_HOST": "127.0.0.1"}  # a test stays on loopback
    environment |= {"ONDOL_API_PORT": str(port)} if name == "api" else {"ONDOL_METRICS_PORT": str(port)}
    if "ONDOL_PANEL_DIR" in environment:
        environment["ONDOL_PANEL_DIR"] = str(scratch / "panels")
    line = CONTAINER.format(
        python=INTERPRETER, scratch=scratch, root=ROOT,
        environment=" ".join(shlex.quote(f"{k}={v}") for k, v in environment.items()),
        command=shlex.join([str(pathlib.Path(sys.executable)), *service["command"][1:]]),
    )  # fmt: skip
    async with _any_user_may_log_in(settings):
        process = await asyncio.create_subprocess_exec(
            "unshare", "-m", "sh", "-c", line, stderr=asyncio.subprocess.PIPE
        )  # fmt: skip
        try:
            assert await _ready(f"http://127.0.0.1:{port}/readyz", process) == 200
            status = _status(process.pid)
            assert f"Uid:\t{USER}\t{USER}" in status
            assert "CapEff:\t0000000000000000" in status
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            _, errors = await asyncio.wait_for(process.communicate(), MAX_WAIT_S)
    assert process.returncode == 0, errors.decode()[-2000:]


def _status(process: int) -> str:
    return pathlib.Path(f"/proc/{process}/status").read_text(encoding="ascii")


async def _ready(url: str, process: asyncio.subprocess.Process) -> int | None:
    """The status of /readyz as soon as it is 200; the last one seen when the process ends or the time is over."""
    seen: int | None = None
    try:
        async with asyncio.timeout(MAX_WAIT_S), aiohttp.ClientSession() as session:
            while process.returncode is None and seen != 200:
                try:
                    async with session.get(url) as response:
                        seen = response.status
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.1)
    except TimeoutError:
        pass
    return seen
