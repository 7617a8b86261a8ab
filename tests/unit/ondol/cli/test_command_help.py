"""The command line covers every route of the API, and its reference page is current."""

from __future__ import annotations

import shlex

import pytest

from ondol.cli.commands.strategies import RESPONSE_FIELDS
from ondol.cli.reference import PAGE, WITHOUT, by_route, page, usages_of
from ondol.cli.terminal import clip, details, plain, table
from ondol.main import COMMANDS, main
from services.api.routes import ROUTES
from services.api.schemas.market_responses import StrategyDocument
from services.api.schemas.openapi import document
from services.api.schemas.requests import NewStrategyBody

USAGES = {usage.words: usage for command in COMMANDS for usage in usages_of(command)}
HEADERS = {
    "Prefer": "every `ondol backtest` waits unless it is detached",
    "Idempotency-Key": "idempotency_key",
    "Cache-Control": "no_store",
    "Ondol-Origin": "marks the system's own requests",
    "Last-Event-ID": "after",
}
"""Header -> the option that sets it, or the reason for none."""
REPRESENTATION = {"format", "excel", "parts", "digits"}
"""Parameters that change how an answer is written; a command chooses what it reads."""


def test_route_has_command_or_reason() -> None:
    described = {
        f"{method.upper()} {path}" for path, methods in document(ROUTES)["paths"].items() for method in methods
    }
    assert set(by_route()) | set(WITHOUT) == described
    assert not set(by_route()) & set(WITHOUT)


def test_route_parameters_are_options_of_their_commands() -> None:
    routes = {f"{route.method} {route.path}": route for route in ROUTES}
    for name, commands in by_route().items():
        for words in commands:
            known = {action.dest for action in USAGES[words].parser._actions}
            assert set(routes[name].query.__struct_fields__) - REPRESENTATION <= known, (words, name)
            assert {h for h in routes[name].headers if "_" in HEADERS[h] and HEADERS[h] not in known} == set(), words


def test_reference_page_matches_declarations() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run: python -m ondol.cli.reference"


@pytest.mark.parametrize("words", USAGES)
def test_command_accepts_its_examples(words: str) -> None:
    command = USAGES[words]
    assert command.examples
    for example in command.examples:
        assert example.startswith(words)
        arguments = shlex.split(example)[len(words.split()) :]
        command.parser.parse_args(arguments[: arguments.index(">")] if ">" in arguments else arguments)


@pytest.mark.parametrize("command", [command.name for command in COMMANDS])
def test_command_help_contains_examples(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    output = capsys.readouterr().out
    assert ended.value.code == 0
    assert f"examples:\n  ondol {command}" in output


def test_unknown_subcommand_error_names_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["backtests", "lst"])
    assert ended.value.code == 2
    assert "'list'" in capsys.readouterr().err


def columns(text: str) -> int:
    """Return the terminal columns of a text; Korean letters take two."""
    return sum(2 if "가" <= letter <= "힣" else 1 for letter in text)


def test_table_aligns_korean_cells() -> None:
    lines = table(["name", "value", "unit"], [["삼성전자", "1", "원"], ["abc", "1,000", "주식"]], "lrl").splitlines()
    assert [columns(line.partition("1")[0]) for line in lines[2:]] == [14, 10]
    assert [columns(line[: line.rindex(unit)]) for line, unit in zip(lines[2:], ("원", "주식"), strict=True)] == [
        17,
        17,
    ]
    assert columns(clip("가나다라마", 5)) == 5
    assert clip("가나", 4) == "가나"


def test_details_omit_empty_values() -> None:
    assert details([("이름", "가"), ("name", None), ("n", 1234), ("yes", False)]) == "이름  가\nn     1,234\nyes   no"
    assert plain(0.123456) == "0.1235"
    assert plain({"a": [1, 2.0]}) == "a 1, 2"


def test_response_fields_of_a_strategy_are_removed() -> None:
    added = set(StrategyDocument.__struct_fields__) - set(NewStrategyBody.__struct_fields__)
    assert set(RESPONSE_FIELDS) == added
