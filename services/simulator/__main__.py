"""Start a simulator: `python -m services.simulator`; with `--forkserver` a process that forks simulators."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping

from shared.infra.memory import light_start, limit_heap

FORKSERVER = "--forkserver"


def main() -> int:
    """Serve until SIGTERM; print one sentence and return 2 when the environment is invalid."""
    limit_heap(mapped_from_bytes=1 << 18)
    with light_start(os.environ):
        from services.simulator.service import run
        from shared.infra.bootstrap import serve
    environment: Mapping[str, str] | None = os.environ
    if sys.argv[1:] == [FORKSERVER]:
        from services.simulator import forkserver

        environment = forkserver.serve(socket.socket(fileno=os.dup(0)))
    return 0 if environment is None else serve("simulator", run, environment)


if __name__ == "__main__":
    sys.exit(main())
