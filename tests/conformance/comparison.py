"""How a result of the engine is compared with one of the reference."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from shared.errors import RequestError, RunError
from shared.model.panels import Panels
from shared.simulation import canonical_request, request_of, run
from tests.reference import engine
from tests.reference.market import Market

CLOSE = 1e-9
LOOSE = 1e-7
"""For quotients of small differences (deviations, alpha), relative."""

MONEY = ("gain", "cash", "cost")
"""Differences of large amounts: to 1e-7 won."""

TRADE = ("date", "stock_code", "name", "side", "shares", "reason")
ACTION = ("date", "stock_code", "kind", "shares_before", "shares_after")
TRIP = ("stock_code", "entry_date", "exit_date", "shares", "days", "reason")
POSITION = ("stock_code", "shares", "entry_date")


def near(found: Any, expected: Any, relative: float, absolute: float = 1e-9) -> bool:
    """Return whether numbers agree within a tolerance, and all else is equal; None agrees with None only."""
    if isinstance(found, float) or isinstance(expected, float):
        if found is None or expected is None:
            return False
        return math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)
    return bool(found == expected)


def engine_result(panels: Panels, request: Mapping[str, Any]) -> dict[str, Any] | Exception:
    """Return the engine's result or its error.

    The run is repeated: the second one uses the cached ranking, the third one its cached candidates.
    """
    try:
        canonical = canonical_request(request_of(request), frozenset(panels.indices))
        outcome = run(canonical, panels)
        for _ in range(2):
            assert run(canonical, panels).result_digest == outcome.result_digest, "a further run gave another result"
        return outcome.result
    except (RunError, RequestError) as error:
        return error


def reference_result(market: Market, request: dict[str, Any]) -> dict[str, Any] | Exception:
    """Return the reference's result or its refusal."""
    try:
        return engine.backtest(market, request)
    except engine.RefusedError as error:
        return error


def differences(found: dict[str, Any] | Exception, expected: dict[str, Any] | Exception) -> list[str]:
    """Return in words what differs between the engine and the reference; empty when they agree."""
    if isinstance(found, Exception) or isinstance(expected, Exception):
        both = isinstance(found, Exception) and isinstance(expected, Exception)
        if both or (isinstance(expected, dict) and isinstance(found, RunError) and _is_absent_in_part(expected)):
            return []
        return [f"engine {_brief(found)}, reference {_brief(expected)}"]
    said = _lists("trade", found["trades"], expected["trades"], TRADE, ("price", "commission", "tax"))
    said += _lists(
        "corporate action",
        sorted(found["corporate_actions"], key=_action_order),
        sorted(expected["corporate_actions"], key=_action_order),
        ACTION,
        ("ratio", "dps", "cash"),
    )
    said += _lists(
        "equity",
        found["equity"],
        expected["equity"],
        ("date", "positions"),
        ("equity", "cash", "daily_return", "drawdown"),
    )
    for a, b in zip(found["equity"], expected["equity"], strict=False):
        if not near(a["benchmark"], b["benchmark"], LOOSE):
            said.append(f"benchmark on {b['date']}: {a['benchmark']} not {b['benchmark']}")
            break
    trips = [{**t, "days": t["holding_days"]} for t in found["round_trips"]]
    numbers = ("entry_price", "exit_price", "cost", "gain", "return")
    said += _lists("round trip", trips, expected["round_trips"], TRIP, numbers)
    said += _lists("open position", found["open_positions"], expected["open_positions"], POSITION, ("entry_price",))
    said += _lists("month", found["monthly_returns"], expected["monthly_returns"], ("month",), ("return",))
    said += _lists("year", found["yearly_returns"], expected["yearly_returns"], ("year",), ("return",))
    if found["unfilled"] != expected["unfilled"]:
        said.append(f"unfilled {found['unfilled']} not {expected['unfilled']}")
    for name in ("first", "last"):
        if found["window"][name] != expected["window"][name]:
            said.append(f"window {name} {found['window'][name]} not {expected['window'][name]}")
    for name in sorted(set(found["statistics"]) | set(expected["statistics"])):
        a, b = found["statistics"].get(name, "missing"), expected["statistics"].get(name, "missing")
        if not near(a, b, LOOSE):
            said.append(f"statistics.{name}: {a} not {b}")
    return said + _warnings(found, expected)


def _action_order(action: dict[str, Any]) -> tuple[str, str, bool, float]:
    """Return the order of the ledger; that of several dividends of one day is the loader's."""
    return action["date"], action["stock_code"], action["kind"] != "split", action["dps"] or 0.0


def _is_absent_in_part(expected: dict[str, Any]) -> bool:
    """Return whether one of several expressions reads no value of a factor, or of a function over time.

    The contract does not say whether that is an error.
    """
    absent = any(one.share == 0 for seen in expected["coverage"].values() for one in seen)
    return absent or bool(expected["barren"])


def _warnings(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return how the codes of the warnings differ; further codes of the engine than those of the page are allowed."""
    codes, due = {w["code"] for w in found["warnings"]}, set(expected["warnings"])
    seen = [one for found_in in expected["coverage"].values() for one in found_in]
    if not all(one.direct for one in seen):
        codes, due = codes - {"factor_gap"}, due - {"factor_gap"}  # which of the rows behind count is not said
    if not all(one.direct for one in seen) or len(seen) > len(expected["coverage"]):
        codes, due = codes - {"scarce_factor"}, due - {"scarce_factor"}
    wrong = (due - codes) | ((codes & engine.WARNING_CODES) - due)
    return [f"warnings {sorted(codes)} not {sorted(due)}"] if wrong else []


def _brief(result: dict[str, Any] | Exception) -> str:
    if isinstance(result, Exception):
        return f"refuses: {result}"
    return f"ends with {len(result['trades'])} trades"


def _lists(
    what: str,
    found: list[dict[str, Any]],
    expected: list[dict[str, Any]],
    same: tuple[str, ...],
    numbers: tuple[str, ...],
) -> list[str]:
    for i, (a, b) in enumerate(zip(found, expected, strict=False)):
        wrong = [n for n in same if a[n] != b[n]]
        wrong += [n for n in numbers if not near(_number(a[n]), _number(b[n]), CLOSE, 1e-6 if n in MONEY else 1e-9)]
        if wrong:
            return [f"{what} {i} differs in {', '.join(wrong)}: {a} not {b}"]
    return [] if len(found) == len(expected) else [f"{len(found)} of {what}, not {len(expected)}"]


def _number(value: Any) -> Any:
    return float(value) if isinstance(value, int) else value
