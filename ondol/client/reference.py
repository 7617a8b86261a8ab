"""Write docs/reference/python.md from the docstrings of the package: `python -m ondol.client.reference`."""

from __future__ import annotations

import inspect
import pathlib
import re
from collections.abc import Iterator
from typing import Any, Final

import ondol
from ondol import errors
from ondol.client import answers, interop, strategy
from ondol.client.request import RequestFields

PAGE: Final = pathlib.Path(__file__).resolve().parents[2] / "docs" / "reference" / "python.md"

CLASSES: Final = (
    "Client", "AsyncClient", "Strategy", "Result", "AsyncResult", "Sweep", "AsyncSweep", "WalkForward",
    "AsyncWalkForward", "ResearchLine", "Account", "AsyncAccount", "Screen", "Holdings", "Explanation", "Audit",
    "Robustness", "Replay", "Comparison", "FactorReport", "FactorMatrix", "OwnFactor", "ExpressionCheck", "RetryPolicy",
)  # fmt: skip

HEAD: Final = """# The Python package

`from ondol import Client, Strategy`. How to use it: [from Python, a notebook or Excel](../how-to/use-from-python.md). This page is written by `python -m ondol.client.reference` from the docstrings. The package is typed (`py.typed`).
"""  # noqa: E501


def page() -> str:
    """Return the text of `docs/reference/python.md`."""
    return "\n".join([HEAD, *_classes(), *_fields(), *_errors(), *_interop()])


def _classes() -> Iterator[str]:
    for name in CLASSES:
        found: Any = getattr(ondol, name)
        yield f"## {name}\n\n{_text(found)}\n"
        if name.startswith("Async"):
            yield f"The methods are those of [{name[5:]}](#{name[5:].lower()}); those that call the API are awaited.\n"
            continue
        yield from _members(found)
    for found in (answers.Statistics, answers.ResultWarning, errors.Mistake):
        yield f"## {found.__name__}\n\n{_text(found)}\n"


def _members(found: type) -> Iterator[str]:
    rows = []
    for name, member in inspect.getmembers(found):
        if name.startswith("_") or name == "of" or not _text(member):
            continue
        if inspect.isfunction(member) or inspect.ismethod(member):
            rows.append((f"`{name}{_signature(member)}`", _text(member)))
        elif isinstance(member, property) or hasattr(member, "func"):
            rows.append((f"`{name}`", _text(member)))
    if rows:
        yield "| member | meaning |\n|---|---|"
        yield from (f"| {_cell(name)} | {_cell(text)} |" for name, text in rows)
        yield ""


def _signature(function: Any) -> str:
    parts = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name == "self":
            continue
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY and "*" not in parts:
            parts.append("*")
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            parts.append(f"**{name}")
        elif parameter.default is inspect.Parameter.empty:
            parts.append(name)
        else:
            parts.append(f"{name}={'...' if parameter.default is ... else repr(parameter.default)}")
    return f"({', '.join(parts)})"


def _fields() -> Iterator[str]:
    yield "## Fields\n\nA `Strategy` takes, beside `buy` and `base` ([meaning](simulation.md)):\n"
    yield ", ".join(f"`{name}`" for name in strategy.StrategyFields.__annotations__) + ".\n"
    yield "`backtest` and `submit` take, beside strategy and window:\n"
    yield ", ".join(f"`{name}`" for name in RequestFields.__annotations__) + ".\n"


def _errors() -> Iterator[str]:
    yield "## Errors\n\n`ondol.errors`; each message says what is wrong, where, and what to do.\n"
    yield "| error | of | when |\n|---|---|---|"
    for name in errors.__all__:
        found: Any = getattr(errors, name)
        if issubclass(found, Exception):
            base = found.__mro__[1].__name__
            yield f"| `{name}` | `{base}` | {_cell(_text(found))} |"
    yield ""


def _interop() -> Iterator[str]:
    yield f"## ondol.client.interop\n\n{_text(interop)}\n"
    yield "| function | meaning |\n|---|---|"
    for name in ("daily_returns", "transactions", "factor_series", "wide_prices"):
        function: Any = getattr(interop, name)
        yield f"| `{name}{_signature(function)}` | {_cell(_text(function))} |"
    yield ""


def _text(found: Any) -> str:
    """Return a docstring with its code blocks fenced."""
    lines = (inspect.getdoc(found) or "").splitlines()
    text = re.sub(
        r"\n\n((?:    .*\n?)+)", lambda m: "\n\n```python\n" + inspect.cleandoc(m[1]) + "\n```\n", "\n".join(lines)
    )
    return text.strip()


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
