"""Measure speed and memory on this machine: every target of docs/explanation/performance.md in one run.

The peers (vectorbt, bt, backtrader, numba) are measured too when `make bench` has installed them.
"""

from __future__ import annotations

import argparse

from shared.errors import SetupError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `ondol bench`."""
    try:
        from bench.__main__ import add_arguments as of_bench
    except ModuleNotFoundError as error:
        if error.name not in {"bench", "bench.__main__"}:
            raise
        raise SetupError("ondol bench needs the folder bench/ of a checkout; run `make bench` there.") from error
    of_bench(parser)


def main(args: argparse.Namespace) -> int:
    """Measure, print the tables and save the samples; return 1 when a part could not be measured."""
    from bench.__main__ import main as measure

    return measure(args)
