"""Run `ondol` commands in processes that are forked from one that has imported them, which saves 0.3 s of CPU each.

A process listens on a unix socket: `python -m tests.support.preloaded_commands SOCKET`. Each connection receives the
words, the folder and the environment of a command with its standard streams, and answers with the exit code.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import os
import pathlib
import runpy
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from ondol.main import COMMANDS, USE

MAX_REQUEST_BYTES = 1 << 16


def serve(path: str) -> None:
    """Fork a process for each connection, until this one is ended."""
    preload()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the processes of connections need no parent
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(path)
        listening.listen(64)
        while True:
            connection, _ = listening.accept()
            if os.fork() == 0:
                listening.close()
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                answer(connection)
                os._exit(0)
            connection.close()


def preload() -> None:
    """Import the commands that use a system; none of them may have started a thread, which a fork would lose."""
    for command in COMMANDS:
        if command.group == USE:
            importlib.import_module(command.module)
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise RuntimeError(f"the commands have started {threads - 1} threads at their import")


def answer(connection: socket.socket) -> None:
    """Run the command of a connection in a process of its own and send its exit code."""
    text, streams, _, _ = socket.recv_fds(connection, MAX_REQUEST_BYTES, 3)
    asked = json.loads(text)
    process = os.fork()
    if process == 0:
        connection.close()
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        sys.argv = ["ondol", *asked["words"]]
        runpy.run_module("ondol", run_name="__main__", alter_sys=True)
    for stream in streams:
        os.close(stream)
    _, status = os.waitpid(process, 0)
    connection.sendall(json.dumps(os.waitstatus_to_exitcode(status)).encode())


class PreloadedCommands:
    """The socket of a process that runs commands."""

    def __init__(self, path: pathlib.Path) -> None:
        self._path = path

    async def run(
        self, *words: str, folder: pathlib.Path, environment: dict[str, str], given: bytes | None
    ) -> tuple[int, bytes, bytes]:
        """Return the exit code, the standard output and the standard error of a command."""
        asked = json.dumps({"words": words, "folder": str(folder), "environment": environment}).encode()
        assert len(asked) < MAX_REQUEST_BYTES, len(asked)
        return await asyncio.to_thread(self._run, asked, given or b"")

    def _run(self, asked: bytes, given: bytes) -> tuple[int, bytes, bytes]:
        with (
            socket.socket(socket.AF_UNIX) as connection,
            open(os.memfd_create("given"), "w+b") as source,
            open(os.memfd_create("output"), "w+b") as output,
            open(os.memfd_create("error"), "w+b") as error,
        ):
            source.write(given)
            source.seek(0)
            connection.connect(str(self._path))
            socket.send_fds(connection, [asked], [source.fileno(), output.fileno(), error.fileno()])
            code = json.loads(connection.recv(64))
            output.seek(0)
            error.seek(0)
            return code, output.read(), error.read()


@asynccontextmanager
async def preloaded_commands(folder: pathlib.Path) -> AsyncIterator[PreloadedCommands]:
    """Yield commands that are imported already; their process ends with the block."""
    path = folder / "commands.sock"
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.support.preloaded_commands", str(path))
    try:
        async with asyncio.timeout(60):
            while not path.exists():
                assert process.returncode is None
                await asyncio.sleep(0.02)
        yield PreloadedCommands(path)
    finally:
        with suppress(ProcessLookupError):  # it has ended by itself
            process.terminate()
        await process.wait()


if __name__ == "__main__":
    serve(sys.argv[1])
