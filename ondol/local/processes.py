"""Child processes that end with their supervisor, however it ends."""

from __future__ import annotations

import asyncio
import ctypes
import os
import pathlib
import pwd
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import IO, Protocol

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class Child(Protocol):
    """What a supervisor needs of a process that it has started; asyncio's Process is one."""

    @property
    def pid(self) -> int:
        """Its process id."""

    @property
    def returncode(self) -> int | None:
        """Its exit code, negative for a signal; None while it lives."""

    async def wait(self) -> int:
        """Wait for its end."""

    def send_signal(self, signal: int, /) -> None:
        """Send a signal."""

    def kill(self) -> None:
        """End it at once."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """The user that a server runs as when the supervisor is root."""

    user: int
    group: int


def unprivileged() -> Account | None:
    """`nobody` when this process is root (PostgreSQL refuses to run as root), else None."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def _die_with(parent: int, number: signal.Signals) -> Callable[[], None]:
    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)  # after the change of user, which clears it
        if os.getppid() != parent:  # the parent died in between
            os._exit(1)

    return before_exec


async def start(
    command: Sequence[str | os.PathLike[str]],
    *,
    environment: Mapping[str, str],
    account: Account | None = None,
    on_parent_death: signal.Signals = signal.SIGKILL,
    log: IO[bytes] | int | None = None,
    output: int | None = None,
    source: int = asyncio.subprocess.DEVNULL,
    folder: str = "/",
) -> asyncio.subprocess.Process:
    """Start a child in a session of its own that gets `on_parent_death` when this process dies.

    Call it from the main thread: the kernel watches the thread that started the child.
    """
    return await asyncio.create_subprocess_exec(
        *command,
        env=dict(environment),
        stdin=source,
        stdout=output if output is not None else (log or asyncio.subprocess.DEVNULL),
        stderr=log,
        user=account.user if account else None,
        group=account.group if account else None,
        extra_groups=[] if account else None,
        start_new_session=True,
        cwd=folder,
        preexec_fn=_die_with(os.getpid(), on_parent_death),
    )


Spawn = Callable[[], Awaitable[Child]]
OnEvent = Callable[[str, str], None]
"""Called with (name, what happened) when a kept process ends unasked or starts again."""


class RestartingProcess:
    """A child that is started again whenever it ends unasked, with growing pauses."""

    def __init__(
        self, name: str, spawn: Spawn, *, stop_signal: signal.Signals, stop_within_s: float, on_event: OnEvent
    ) -> None:
        self.name = name
        self.process: Child | None = None
        self._spawn = spawn
        self._stop_signal = stop_signal
        self._stop_within_s = stop_within_s
        self._on_event = on_event
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> Child:
        """The first start; `keep` watches from then on."""
        self.process = await self._spawn()
        return self.process

    def keep(self) -> None:
        """Start again whenever it ends."""
        self._watch = asyncio.create_task(self._keep())

    async def _keep(self) -> None:
        pause_s = 0.05
        loop = asyncio.get_running_loop()
        while self.process is not None:
            began = loop.time()
            code = await self.process.wait()
            self._on_event(self.name, f"ended with code {code}")
            pause_s = 0.05 if loop.time() - began > 5 else min(pause_s * 2, 5.0)
            await asyncio.sleep(pause_s)
            while True:
                try:
                    self.process = await self._spawn()
                except OSError as error:  # no memory or no process id is left right now
                    self._on_event(self.name, f"could not be started again ({error.strerror})")
                    await asyncio.sleep(1.0)
                else:
                    break
            self._on_event(self.name, f"started again as process {self.process.pid}")

    async def stop(self) -> bool:
        """Stop it for good; returns whether it ended by itself in time."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        return self.process is None or await stop(self.process, self._stop_signal, within_s=self._stop_within_s)


@asynccontextmanager
async def cleaner(folders: Sequence[str]) -> AsyncIterator[None]:
    """A shell that waits for the end of this process, however it ends, and then removes `folders`."""
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        'read -r _; rm -rf -- "$@"',
        "cleaner",
        *folders,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
        cwd="/",
    )
    try:
        yield
    finally:
        if process.stdin is not None:
            process.stdin.close()
        await process.wait()


async def stop(process: Child, number: signal.Signals, *, within_s: float) -> bool:
    """Ask a child to end and kill it when it does not in time; returns whether it ended by itself."""
    if process.returncode is not None:
        return True
    with suppress(ProcessLookupError):
        process.send_signal(number)
    try:
        await asyncio.wait_for(process.wait(), timeout=within_s)
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        return False
    return True


def started_at(process_id: int) -> str | None:
    """A mark that tells this process from a later one with the same id; None when there is none."""
    try:
        text = pathlib.Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
