"""Change the number of simulators of the system that serves a home, while it runs.

Returns when the system has that number: new simulators are ready, surplus ones have finished or released their jobs and
exited. The next start of the system uses its own number again.
"""

from __future__ import annotations

import argparse
import asyncio
import os
from typing import Any

from ondol.cli.terminal import add_common, print_json
from ondol.local.control_socket import request_scale
from ondol.local.run_file import Run, running
from ondol.local.scaling import checked
from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol scale`."""
    parser.add_argument("simulators", type=int, metavar="N", help="number of simulators, from 1 to 64")
    add_common(parser)


def main(args: argparse.Namespace) -> int:
    """Request the number and wait until the system has it."""
    count = checked(args.simulators)
    if args.settings.has_servers:
        raise SetupError(
            "ondol scale changes what `ondol serve` runs; with ONDOL_DATABASE_URL set start and stop the processes "
            "themselves (`python -m services.simulator`), or unset the three URLs."
        )
    outcome = asyncio.run(request_scale(_serving(args).servers.sockets, count))
    if args.json:
        print_json(outcome)
    else:
        print(_described(outcome))
    return 0


def _serving(args: argparse.Namespace) -> Run:
    run = running(args.home)
    if run is None:
        file = args.home / "run.json"
        if file.exists() and not os.access(file, os.R_OK):
            raise SetupError(f"The home {args.home} is served by another user; only that user may change its system.")
        raise SetupError(
            f"No system serves the home {args.home}; start `ondol serve`, or name another home with --home."
        )
    if run.port is None:
        raise SetupError(
            f"The home {args.home} is in use by `ondol {run.command}`, which has no simulators (yet); try again when "
            "`ondol serve` is ready."
        )
    return run


def _described(outcome: dict[str, Any]) -> str:
    count, seconds = outcome["simulators"], outcome["seconds"]
    head = f"{count} simulator{'s' * (count > 1)}"
    if outcome["started"]:
        return f"{head}: {len(outcome['started'])} started and ready after {seconds:.1f} s"
    if outcome["stopped"]:
        return f"{head}: {len(outcome['stopped'])} stopped after {seconds:.1f} s"
    return f"{head}, as before"
