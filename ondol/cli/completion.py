"""Completion scripts of bash, zsh and fish, made from the declared commands."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

SHELLS: Final = ("bash", "zsh", "fish")


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What may follow `words` (such as `backtests list`): subcommands and choices, and options."""

    words: str
    meaning: str
    following: tuple[str, ...]
    options: tuple[tuple[str, str, bool], ...]
    """(option, help, takes a value)."""


def completions() -> Iterator[Completion]:
    """Yield the completions of every command and subcommand."""
    from ondol.cli.reference import usages_of
    from ondol.main import COMMANDS

    for command in COMMANDS:
        try:
            usages = usages_of(command)
        except ImportError:  # `bench` needs the folder of the source code
            yield Completion(words=command.name, meaning=command.meaning, following=(), options=())
            continue
        subcommands = tuple(usage.words.split()[2] for usage in usages if len(usage.words.split()) > 2)
        if subcommands:
            yield Completion(words=command.name, meaning=command.meaning, following=subcommands, options=())
        for usage in usages:
            yield Completion(
                words=usage.words.removeprefix("ondol "),
                meaning=usage.meaning,
                following=_following(usage.parser),
                options=tuple(_options(usage.parser)),
            )


def _following(parser: argparse.ArgumentParser) -> tuple[str, ...]:
    from ondol.cli.backtest_ids import BacktestReference
    from shared.contracts.http import LATEST

    positional = [action for action in parser._actions if not action.option_strings]
    choices = tuple(str(choice) for action in positional for choice in action.choices or ())
    return choices + ((LATEST,) if any(action.type is BacktestReference for action in positional) else ())


def _options(parser: argparse.ArgumentParser) -> Iterator[tuple[str, str, bool]]:
    for action in parser._actions:
        for option in action.option_strings:
            if option.startswith("--"):
                yield option, (action.help or "").replace("%%", "%").split(";")[0], action.nargs != 0


def script(shell: str) -> str:
    """Return the completion script for bash, zsh or fish; KeyError for another shell."""
    found = list(completions())
    return {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell](found)


def _bash(found: list[Completion]) -> str:
    cases = "".join(
        f"        {_pattern(c.words)}) words='{' '.join((*c.following, *(o for o, _, _ in c.options)))}' ;;\n"
        for c in sorted(found, key=lambda c: " " not in c.words)
    )
    names = " ".join(c.words for c in found if " " not in c.words)
    return f"""# bash completion of ondol: ondol completion bash > ~/.local/share/bash-completion/completions/ondol
_ondol() {{
    local current=${{COMP_WORDS[COMP_CWORD]}} words=
    case "${{COMP_WORDS[1]}} ${{COMP_WORDS[2]}}" in
{cases}    esac
    if [ "$COMP_CWORD" -eq 1 ]; then words='{names}'; fi
    case "$current" in
        -*) words=$(printf '%s\\n' $words | grep -e '^-') ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$current"))
    if [ "${{#COMPREPLY[@]}}" -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}}
complete -o filenames -F _ondol ondol
"""


def _pattern(words: str) -> str:
    """Return the pattern of the first two words; a command without subcommands has anything behind it."""
    return f'"{words}"' if " " in words else f'"{words}"\\ *'


def _zsh(found: list[Completion]) -> str:
    return (
        "# zsh completion of ondol; in ~/.zshrc: source <(ondol completion zsh)\n"
        "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n" + _bash(found)
    )


def _fish(found: list[Completion]) -> str:
    lines = ["# fish completion of ondol: ondol completion fish > ~/.config/fish/completions/ondol.fish"]
    for item in found:
        command, _, action = item.words.partition(" ")
        if not action:
            lines.append(f"complete -c ondol -n __fish_use_subcommand -a {command} -d {_quoted(item.meaning)}")
        seen = f"__fish_seen_subcommand_from {command}" + (
            f"; and __fish_seen_subcommand_from {action}" if action else ""
        )
        first = seen
        if not action and any(other.words.startswith(f"{command} ") for other in found):  # a subcommand comes first
            first = f"{seen}; and not __fish_seen_subcommand_from {' '.join(item.following)}"
            lines.append(f"complete -c ondol -n {_quoted(first)} -f")
        lines += [f"complete -c ondol -n {_quoted(first)} -a {word}" for word in item.following]
        for option, meaning, takes in item.options:
            lines.append(
                f"complete -c ondol -n {_quoted(seen)} -l {option[2:]}{' -r' if takes else ''} -d {_quoted(meaning)}"
            )
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
