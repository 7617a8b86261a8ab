"""Write docs/reference/command-line.md from the declared commands: `python -m ondol.cli.reference`."""

from __future__ import annotations

import argparse
import importlib
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ondol.cli.command import Subcommand, parsers
from ondol.main import COMMANDS, OPERATE, RUN, USE, Command, parser_of
from services.api.routes.pages import SCREENS

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"

WITHOUT = {
    "GET /docs": "a page for people: open it in a browser",
    "GET /docs/docs.js": "the script of that page",
    "GET /docs/docs.css": "the style of that page",
    "POST /v1/session": "the log-in of the web application; commands send the key itself",
    "DELETE /v1/session": "the log-out of the web application",
    "GET /assets/{build}/{name}": "a file of the web application",
} | {f"GET {path}": "a screen of the web application: open it in a browser" for path in SCREENS}
"""Routes without a command, with the reason."""

COMMON = frozenset({"help", "home", "json", "api", "api_key"})
TITLES = {RUN: "Run a system", USE: "Use it", OPERATE: "Operate it"}

HEAD = """# The command line

`ondol COMMAND [SUBCOMMAND]` has a command for every route of [the HTTP interface](api.md). Every command has `--help` with examples. This page is written by `python -m ondol.cli.reference` from the same declarations.

Commands that call the API find it in this order: `--api URL` or `ONDOL_API_URL`; the system that serves `--home DIR` (default `./var`); a system that is started on that home for the duration of the command. A key is `ONDOL_API_KEY`, a file named by `ONDOL_API_KEY_FILE`, or `--key KEY`. With `ONDOL_LANGUAGE=ko` messages of the API are in Korean.

| option of most commands | meaning |
|---|---|
| `--json` | JSON on standard output and nothing else: the API's own document; one document a line where events are followed |
| `--home DIR` | data directory, and the system that serves it |
| `--api URL`, `--key KEY` | the API and the key that are used (commands that call the API) |
| `--limit N`, `--cursor C`, `--all` | lists: how many, from where, or every page |

Tables go to standard output; progress and errors go to standard error. Korean characters count as two columns. A terminal whose encoding lacks a letter shows `?` for it; JSON and downloads are UTF-8 always.

For a backtest, `latest` names the newest one. The beginning or the end of an id (four letters or more), or a name, is enough when it belongs to one backtest only. Requests that a busy or restarting API refuses are repeated for a minute. `source <(ondol completion bash)` completes commands and options in bash; zsh and fish likewise.

| exit code | meaning |
|---|---|
| 0 | success: completed, identical, ready, stored |
| 1 | failure: refused, failed, cancelled, different; standard error gives the reason |
| 2 | wrong arguments or environment: an unknown option, no such file, no API that answers |
| 130 | interrupted; a submitted backtest continues (`ondol backtests cancel ID` stops it) |

In the examples `ID` and `ID2` are backtests, `RUNNING_ID` one that has not ended, `RUN` a warm run, `SWEEP` a sweep, `RUNNING_SWEEP` one that has not ended, `WALK_FORWARD` and `RUNNING_WALK_FORWARD` walk-forwards, and `VERSION` a dataset version.
"""  # noqa: E501


@dataclass(frozen=True, kw_only=True)
class Usage:
    """One usage line: a command or subcommand with its routes, examples and parser."""

    words: str
    meaning: str
    routes: tuple[str, ...]
    examples: tuple[str, ...]
    parser: argparse.ArgumentParser


def usages_of(command: Command) -> list[Usage]:
    """Return the usages of a command: itself, or one for each of its subcommands."""
    module: Any = importlib.import_module(command.module)
    subcommands: tuple[Subcommand, ...] = getattr(module, "SUBCOMMANDS", ())
    if not subcommands:
        parser = parser_of(command, module)
        return [
            Usage(
                words=f"ondol {command.name}",
                meaning=command.meaning,
                routes=command.routes,
                examples=command.examples,
                parser=parser,
            )
        ]
    subparsers = parsers(argparse.ArgumentParser(prog=f"ondol {command.name}"), subcommands)
    return [
        Usage(
            words=f"ondol {command.name} {action.name}",
            meaning=action.meaning,
            routes=action.routes,
            examples=action.examples,
            parser=subparsers[action.name],
        )
        for action in subcommands
    ]


def by_route() -> dict[str, list[str]]:
    """Return route -> the commands that call it."""
    commands: dict[str, list[str]] = {}
    for command in COMMANDS:
        for usage in usages_of(command):
            for route in usage.routes:
                commands.setdefault(route, []).append(usage.words)
    return commands


def page() -> str:
    """Return the text of `docs/reference/command-line.md`."""
    return "\n".join([HEAD, *_commands(), *_routes()]) + "\n"


def _commands() -> Iterator[str]:
    for group, title in TITLES.items():
        yield f"## {title}\n"
        for command in COMMANDS:
            if command.group != group:
                continue
            usages = usages_of(command)
            if len(usages) > 1 or usages[0].words != f"ondol {command.name}":
                text = str(importlib.import_module(command.module).__doc__).strip().partition("\n")[0]
                yield f"### ondol {command.name}\n\n{text}\n"
            for usage in usages:
                yield from _usage_section(usage)


def _usage_section(usage: Usage) -> Iterator[str]:
    options = [action for action in usage.parser._actions if action.dest not in COMMON]
    named = [_usage(option) for option in options if not option.option_strings]
    yield f"#### {' '.join([usage.words, *named])}\n".replace("[", "\\[")
    routes = f" (`{'`, `'.join(usage.routes)}`)" if usage.routes else ""
    yield f"{usage.meaning[:1].upper()}{usage.meaning[1:]}{routes}.\n"
    if options:
        yield "| argument | meaning |\n|---|---|"
        yield from (f"| `{_cell(_name(option))}` | {_cell(option.help)} |" for option in options)
        yield ""
    yield "```\n" + "\n".join(usage.examples) + "\n```\n"


def _usage(option: argparse.Action) -> str:
    name = _name(option)
    if option.nargs == "?":
        return f"[{name}]"
    return f"{name} …" if option.nargs == "+" else name


def _name(option: argparse.Action) -> str:
    kind = option.metavar or ("|".join(map(str, option.choices)) if option.choices else option.dest.upper())
    if not option.option_strings:
        return str(kind)
    return option.option_strings[-1] + ("" if option.nargs == 0 else f" {kind}")


def _cell(text: str | None) -> str:
    return (text or "").replace("|", "\\|").replace("%%", "%")


def _routes() -> Iterator[str]:
    yield "## Commands by route\n\n| route | command |\n|---|---|"
    for route, commands in by_route().items():
        yield f"| `{route}` | `{'`, `'.join(commands)}` |"
    for route, reason in WITHOUT.items():
        yield f"| `{route}` | none: {reason} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
