"""Child processes that end with their supervisor, even after SIGKILL."""

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

from ondol.local.supervision import end, must_run, report

_PR_SET_PDEATHSIG = 1
_STOPPED_CHECKS, _STOPPED_CHECK_S = 4, 5
"""A supervisor that was stopped by a signal (SIGSTOP) at so many checks is continued."""
_libc = ctypes.CDLL(None, use_errno=True)


class Child(Protocol):
    """Interface of a started process; asyncio's Process implements it."""

    @property
    def pid(self) -> int:
        """Process id."""

    @property
    def returncode(self) -> int | None:
        """Exit code, negative for a signal; None while the process runs."""

    async def wait(self) -> int:
        """Wait until the process ends."""

    def send_signal(self, signal: int, /) -> None:
        """Send a signal."""

    def kill(self) -> None:
        """Kill the process."""


@dataclass(frozen=True, kw_only=True)
class Account:
    """Operating system account of a server under a root supervisor."""

    user: int
    group: int


def unprivileged() -> Account | None:
    """Return the account `nobody` when this process is root (PostgreSQL does not run as root), else None."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Account(user=entry.pw_uid, group=entry.pw_gid)


def _set_parent_death_signal(parent: int, number: signal.Signals) -> Callable[[], None]:
    def before_exec() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)  # after setuid, which clears the setting
        if os.getppid() != parent:  # the parent ended before prctl
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
    """Start a child in a new session that receives `on_parent_death` when this process ends.

    Call it from the main thread: the signal is bound to the thread that starts the child.
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
        umask=0o077,
        preexec_fn=_set_parent_death_signal(os.getpid(), on_parent_death),
    )


Spawn = Callable[[], Awaitable[Child]]
OnEvent = Callable[[str, str], None]
"""Called with (name, event text) when a supervised process exits unexpectedly or is restarted."""


class RestartingProcess:
    """A child that is restarted with backoff whenever it exits unexpectedly."""

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
        """Start the process; `supervise` restarts it from then on."""
        self.process = await self._spawn()
        return self.process

    def supervise(self) -> None:
        """Restart the process whenever it exits."""
        self._watch = must_run(self.name, self._keep())

    async def _keep(self) -> None:
        pause_s = 0.05
        loop = asyncio.get_running_loop()
        while self.process is not None:
            began = loop.time()
            code = await self.process.wait()
            self._report(f"ended with code {code}")
            pause_s = 0.05 if loop.time() - began > 5 else min(pause_s * 2, 5.0)
            await asyncio.sleep(pause_s)
            while True:
                try:
                    self.process = await self._spawn()
                except Exception as error:  # noqa: BLE001  no memory, process id or disk is available: try again
                    self._report(f"could not be restarted ({error})")
                    await asyncio.sleep(1.0)
                else:
                    break
            self._report(f"restarted as process {self.process.pid}")

    def _report(self, what: str) -> None:
        """Report an event; a report that fails does not end the supervision."""
        try:
            self._on_event(self.name, what)
        except Exception as error:  # noqa: BLE001  such as a full disk
            report(f"{self.name} {what}; this could not be recorded ({error})")

    async def stop(self) -> bool:
        """Stop supervision and the process; return whether it exited in time without SIGKILL."""
        if self._watch is not None:
            await end(self._watch)
        return self.process is None or await stop(self.process, self._stop_signal, within_s=self._stop_within_s)


_CLEANER = f"""
watch() {{
    checks=0
    while sleep {_STOPPED_CHECK_S} && read -r state < "/proc/$1/stat"; do
        case "${{state##*) }}" in T*) checks=$((checks + 1)) ;; *) checks=0 ;; esac
        if [ $checks -ge {_STOPPED_CHECKS} ]; then kill -CONT "$1"; checks=0; fi
    done
}}
watch "$1" < /dev/null &
shift
read -r _
kill $!
rm -rf -- "$@"
"""


@asynccontextmanager
async def cleaner(folders: Sequence[str]) -> AsyncIterator[None]:
    """Run a shell that waits for the end of this process and then removes `folders`.

    Meanwhile it sends SIGCONT to this process when that stays stopped: its children are not restarted otherwise.
    """
    process = await asyncio.create_subprocess_exec(
        "/bin/sh",
        "-c",
        _CLEANER,
        "cleaner",
        str(os.getpid()),
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
    """Signal a child to end and kill it after `within_s`; return whether it exited without SIGKILL."""
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
    """Return the start time of a process, which identifies it when its id is used again; None without a process."""
    try:
        text = pathlib.Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
