"""Queries survive the wire, and what a simulator cannot know is refused by name."""

from typing import Any

import pytest

from shared.contracts import queries
from shared.contracts.events import QueryRequested
from shared.contracts.http import PROBLEM_TYPES
from shared.contracts.wire import decode, encode

REPORT: dict[str, Any] = {
    "version": "v", "request": "{}", "horizons": (1, 5), "quantiles": 10, "neutral": "none",
    "controls": ("log(MARKET_CAP)",), "cost_pct": 0.2, "correlations": True, "series": False,
}  # fmt: skip
EXAMPLES: tuple[queries.Query, ...] = (
    queries.Ranking(version="v", ranking="market_cap", day=19_000, market=None, limit=10),
    queries.Sectors(version="v", day=19_000),
    queries.Prices(version="v", stock_code="005930", first=0, stop=5),
    queries.Screen(version="v", request="{}", limit=20, columns=("PER", "close > 1")),
    queries.Values(version="v", request="{}", fields=("PER",), codes=("005930",), first=0, stop=1),
    queries.Distribution(version="v", request="{}", key="PER", unit="x", row=3, bins=20),
    queries.Explain(version="v", request="{}", stock_code="005930", date="2024-01-02"),
    queries.Audit(version="v", request="{}", seed=1, cuts=5),
    queries.Robustness(version="v", request="{}", random_draws=9, noise_draws=3, noise_pct=10.0, seed=1),
    queries.FactorReport(
        **REPORT,
    ),
    queries.FactorReportAudit(
        **REPORT,
        stored_digest="d",
        seed=7,
        cuts=3,
    ),
    queries.FactorCoefficients(version="v", request="{}", horizons=(1, 5), neutral="sector"),
    queries.FactorPortfolios(version="v", request="{}", horizons=(1, 5), neutral="none"),
    queries.ExpressionCoverage(version="v", request="{}"),
    queries.Holdings(version="v", computation="c", date="2024-01-02"),
    queries.Replay(version="v", request="{}", computation="c", result_digest=None),
    queries.AccountDay(
        version="v",
        request="{}",
        decide_until=19_000,
        recheck=(18_999,),
        since=18_998,
        quoted=((18_999, ("005930",)),),
        quotes=(19_000, 2),
    ),
    queries.OpeningQuotes(version="v", day=19_000, quotes=(("000660", None), ("005930", 71_200.0))),
    queries.AccountDrift(
        version="v", request="{}", before="u", request_before="{}", engine_before="2", until=19_000, day=19_000
    ),
)


def test_every_kind_has_an_example() -> None:
    assert [type(example) for example in EXAMPLES] == list(queries.QUERIES)


@pytest.mark.parametrize("query", EXAMPLES, ids=lambda query: query.kind)
def test_a_query_survives_the_wire(query: queries.Query) -> None:
    sent = QueryRequested(query_id="q", kind=query.kind, payload=queries.payload_of(query), deadline=1.0)
    received = decode(encode(sent))
    assert isinstance(received, QueryRequested)
    assert queries.read_query(received.kind, received.payload) == query
    assert queries.read_query(received.kind, received.payload | {"of_a_newer_sender": 1}) == query


@pytest.mark.parametrize(
    ("kind", "payload", "names"),
    [("forecast", {"version": "v"}, "forecast"), ("sectors", {"version": "v"}, "day"), ("prices", {}, "version")],
)
def test_unknown_kinds_and_missing_fields_are_refused(kind: str, payload: dict[str, str], names: str) -> None:
    with pytest.raises(queries.QueryError, match=names):
        queries.read_query(kind, payload)


def test_failures_of_queries_have_titles_of_their_own() -> None:
    titles = {query.kind: PROBLEM_TYPES[queries.failure_of(query.kind)] for query in queries.QUERIES}
    assert titles["screen"] == "Screen failed"
    assert titles["factor_report"] == titles["factor_report_audit"] == "Factor report failed"
    assert titles["account_day"] == "Step of the paper account failed"
    assert titles["explain"] == titles["audit"] == "Analysis of the backtest failed"
    assert titles["prices"] == "Query of market data failed"
    assert PROBLEM_TYPES["run-failed"] not in titles.values()
