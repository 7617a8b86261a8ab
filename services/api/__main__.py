"""Start the api: `python -m services.api`."""

from __future__ import annotations

import os
import sys

from shared.infra.memory import light_start, limit_heap


def main() -> int:
    """Serve until SIGTERM; an unusable environment is one sentence and exit code 2."""
    limit_heap(mapped_from_bytes=1 << 20)
    with light_start(os.environ):
        from services.api.service import run
        from shared.infra.bootstrap import serve
    return serve("api", run, os.environ)


if __name__ == "__main__":
    sys.exit(main())
