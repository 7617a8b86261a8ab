"""Commands with subcommands (`ondol backtests list`), declared once for running, help and the reference page."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from ondol.cli.backtest_ids import resolve_arguments
from ondol.cli.client import client
from ondol.cli.terminal import add_api
from shared.infra.api_client.client import ApiClient


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """Add no arguments."""


def name(text: str) -> str:
    """Return a name quoted for a URL path (the `type` of such arguments)."""
    return quote(text, safe="")


def add_account(parser: argparse.ArgumentParser) -> None:
    """Add the argument `account`, quoted for a URL path."""
    parser.add_argument(
        "account", type=name, metavar="ACCOUNT", help="id of an account, as `ondol accounts list` prints it"
    )


@dataclass(frozen=True, kw_only=True)
class Subcommand:
    """One subcommand: `run` calls the API, prints, and returns the exit code; `routes` are those that it calls."""

    name: str
    meaning: str
    routes: tuple[str, ...]
    examples: tuple[str, ...]
    run: Callable[[argparse.Namespace, ApiClient], Awaitable[int]]
    arguments: Callable[[argparse.ArgumentParser], None] = field(default=no_arguments)


def parsers(parser: argparse.ArgumentParser, subcommands: Sequence[Subcommand]) -> dict[str, argparse.ArgumentParser]:
    """Add a parser for each subcommand and return them by name."""
    group = parser.add_subparsers(dest="action", required=True, title="subcommands", metavar="SUBCOMMAND")
    added = {}
    for subcommand in subcommands:
        added[subcommand.name] = below = group.add_parser(
            subcommand.name,
            help=subcommand.meaning,
            description=subcommand.meaning[:1].upper() + subcommand.meaning[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in subcommand.examples),
        )
        subcommand.arguments(below)
        add_api(below)
        below.set_defaults(run=subcommand.run)
    return added


def main_of(command: str) -> Callable[[argparse.Namespace], int]:
    """Return the `main` of a command with subcommands."""

    def main(args: argparse.Namespace) -> int:
        """Run the chosen subcommand."""
        return asyncio.run(_run(args, command))

    return main


async def _run(args: argparse.Namespace, command: str) -> int:
    async with client(args, command) as api:
        await resolve_arguments(args, api)
        code: int = await args.run(args, api)
        return code
