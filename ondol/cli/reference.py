"""The page of the command line, and which command asks which route: `python -m ondol.reference` writes the page."""

from __future__ import annotations

import argparse
import importlib
import pathlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ondol.cli.command import Action, parsers
from ondol.main import ASK, RUN, VERBS, WATCH, Verb, parser_of

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "command-line.md"

WITHOUT = {
    "GET /docs": "a page for people: open it in a browser",
    "GET /docs/docs.js": "the script of that page",
    "GET /docs/docs.css": "the style of that page",
}
"""Routes that no command asks, with the reason."""

COMMON = frozenset({"help", "home", "json", "api", "api_key"})
TITLES = {RUN: "Run a system", ASK: "Ask it", WATCH: "Watch over it"}

HEAD = """# The command line

`ondol VERB [ACTION]` covers the same ground as [the HTTP interface](api.md). `--help` works everywhere and shows examples. This page is written by `python -m ondol.reference` from the same declarations.

Verbs that ask the API find it by themselves: `--api URL` or `ONDOL_API_URL`, else the system that serves `--home DIR` (default `./var`), else they start a system on that home for as long as they run. A key is `ONDOL_API_KEY`, a file named by `ONDOL_API_KEY_FILE`, or `--key KEY`.

| option of most verbs | meaning |
|---|---|
| `--json` | JSON on standard output and nothing else: the API's own document; one document a line where events are followed |
| `--home DIR` | where data are kept, and where the system that serves them is found |
| `--api URL`, `--key KEY` | which API is asked, as whom (verbs that ask the API) |
| `--limit N`, `--cursor C`, `--all` | lists: how many, from where, or every page |

Tables go to standard output; progress, hints and mistakes go to standard error. Columns are aligned by what letters take on a terminal, Korean ones two.

| exit code | meaning |
|---|---|
| 0 | all went well: completed, identical, ready, kept |
| 1 | it did not: refused, failed, cancelled, different; standard error says why in a sentence |
| 2 | wrong arguments or environment: an unknown option, no such file, no API that answers |
| 130 | interrupted; a backtest that was asked for goes on (`ondol backtests cancel ID`) |

In the examples `ID` and `ID2` are backtests, `RUNNING_ID` one that has not ended, `RUN` a warm run and `VERSION` a dataset version.
"""  # noqa: E501


@dataclass(frozen=True, kw_only=True)
class Command:
    """What a user types, with the routes that it asks."""

    words: str
    meaning: str
    routes: tuple[str, ...]
    examples: tuple[str, ...]
    parser: argparse.ArgumentParser


def commands_of(verb: Verb) -> list[Command]:
    """A verb, or each of its actions."""
    module: Any = importlib.import_module(verb.module)
    actions: tuple[Action, ...] = getattr(module, "ACTIONS", ())
    if not actions:
        parser = parser_of(verb, module)
        return [
            Command(
                words=f"ondol {verb.name}",
                meaning=verb.meaning,
                routes=verb.routes,
                examples=verb.examples,
                parser=parser,
            )
        ]
    found = parsers(argparse.ArgumentParser(prog=f"ondol {verb.name}"), actions)
    return [
        Command(
            words=f"ondol {verb.name} {action.name}",
            meaning=action.meaning,
            routes=action.routes,
            examples=action.examples,
            parser=found[action.name],
        )
        for action in actions
    ]


def by_route() -> dict[str, list[str]]:
    """Route -> the commands that ask it."""
    found: dict[str, list[str]] = {}
    for verb in VERBS:
        for command in commands_of(verb):
            for route in command.routes:
                found.setdefault(route, []).append(command.words)
    return found


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *_verbs(), *_routes()]) + "\n"


def _verbs() -> Iterator[str]:
    for group, title in TITLES.items():
        yield f"## {title}\n"
        for verb in VERBS:
            if verb.group != group:
                continue
            commands = commands_of(verb)
            if len(commands) > 1 or commands[0].words != f"ondol {verb.name}":
                text = str(importlib.import_module(verb.module).__doc__).strip().partition("\n")[0]
                yield f"### ondol {verb.name}\n\n{text}\n"
            for command in commands:
                yield from _command(command)


def _command(command: Command) -> Iterator[str]:
    options = [action for action in command.parser._actions if action.dest not in COMMON]
    named = [_usage(option) for option in options if not option.option_strings]
    yield f"#### {' '.join([command.words, *named])}\n".replace("[", "\\[")
    asked = f" (`{'`, `'.join(command.routes)}`)" if command.routes else ""
    yield f"{command.meaning[:1].upper()}{command.meaning[1:]}{asked}.\n"
    if options:
        yield "| argument | meaning |\n|---|---|"
        yield from (f"| `{_cell(_name(option))}` | {_cell(option.help)} |" for option in options)
        yield ""
    yield "```\n" + "\n".join(command.examples) + "\n```\n"


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
    yield "## Which command asks which route\n\n| route | command |\n|---|---|"
    for route, commands in by_route().items():
        yield f"| `{route}` | `{'`, `'.join(commands)}` |"
    for route, reason in WITHOUT.items():
        yield f"| `{route}` | none: {reason} |"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
