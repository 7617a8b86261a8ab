"""Verbs with several actions (`ondol backtests list`): each action is declared once, for running, help and the page."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import quote

from ondol.cli.client import Client, client
from ondol.cli.terminal import add_api


def no_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of an action that has none."""


def name(text: str) -> str:
    """A name as a part of a path (the type of arguments that name something in a route)."""
    return quote(text, safe="")


@dataclass(frozen=True, kw_only=True)
class Action:
    """One action: `run` asks the API, prints, and returns the exit code; `routes` are those that it asks."""

    name: str
    meaning: str
    routes: tuple[str, ...]
    examples: tuple[str, ...]
    run: Callable[[argparse.Namespace, Client], Awaitable[int]]
    arguments: Callable[[argparse.ArgumentParser], None] = field(default=no_arguments)


def parsers(parser: argparse.ArgumentParser, actions: Sequence[Action]) -> dict[str, argparse.ArgumentParser]:
    """A parser for each action, below that of the verb."""
    group = parser.add_subparsers(dest="action", required=True, title="actions", metavar="ACTION")
    found = {}
    for action in actions:
        found[action.name] = below = group.add_parser(
            action.name,
            help=action.meaning,
            description=action.meaning[:1].upper() + action.meaning[1:] + ".",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog="examples:\n" + "\n".join(f"  {example}" for example in action.examples),
        )
        action.arguments(below)
        add_api(below)
        below.set_defaults(run=action.run)
    return found


def main_of(verb: str) -> Callable[[argparse.Namespace], int]:
    """The `main` of a verb with actions."""

    def main(args: argparse.Namespace) -> int:
        """Do what was asked for."""
        return asyncio.run(_act(args, verb))

    return main


async def _act(args: argparse.Namespace, verb: str) -> int:
    async with client(args, verb) as api:
        code: int = await args.run(args, api)
        return code
