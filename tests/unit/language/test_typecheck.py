"""Types, scale degrees, names and what an expression knows about itself."""

from __future__ import annotations

import pytest

from shared.errors import Problem, RequestError
from shared.factors.catalogue import FACTORS
from shared.language import ALL_ROWS, FUNCTIONS, Expression, compile_expression, index_names, parts
from shared.model.fields import LANGUAGE_FIELDS


def _problems(
    text: str,
    role: str = "condition",
    factors: frozenset[str] | None = None,
    indices: frozenset[str] = frozenset(),
) -> list[Problem]:
    with pytest.raises(RequestError) as caught:
        compile_expression(text, role=role, path="strategy.buy.where", factors=factors, indices=indices)  # type: ignore[arg-type]
    return caught.value.problems


def _accepted(text: str, role: str) -> bool:
    try:
        compile_expression(text, role=role, path="x")  # type: ignore[arg-type]
    except RequestError:
        return False
    return True


def test_every_name_and_function_is_known() -> None:
    for factor in FACTORS:
        assert compile_expression(factor.key.lower(), role="number", path="").factors == {factor.key}
    for name, field in LANGUAGE_FIELDS.items():
        assert compile_expression(f"{name} > lag({name}, 1)", role="condition", path="").fields == {field}
    given = {"x": "PER", "y": "ROE", "lo": "1", "hi": "2", "c": "PER > 1", "n": "5", "p": "5"}
    for function in FUNCTIONS:
        text = f"{function.name}({', '.join(given[parameter] for parameter in function.parameters)})"
        assert compile_expression(text, role=function.gives, path="").text == text


@pytest.mark.parametrize(
    ("text", "suggestions"),
    [
        ("RO > 5", ("ROE", "ROA")),
        ("MOMENTUM_3 > 5", ("MOMENTUM_3M",)),
        ("MOMENTUM > 5", ("MOMENTUM_1M", "MOMENTUM_3M", "MOMENTUM_6M")),
        ("영업이익율 > 5", ("OPM",)),
        ("시가총애 > 5", ("MARKET_CAP",)),
        ("tsmean(PER, 3) > 5", ("ts_mean",)),
        ("sma(PER, 3) > 5", ("ts_mean",)),
        ("ts_mean > 5", ("ts_mean(x, n)",)),
        ("xyzzyplugh > 5", ()),
    ],
)
def test_unknown_name_has_suggestions(text: str, suggestions: tuple[str, ...]) -> None:
    (problem,) = _problems(text)
    assert problem.suggestions == suggestions
    if suggestions and "(" not in suggestions[0]:
        assert f"did you mean {', '.join(suggestions)}?" in problem.message


def test_factor_missing_in_the_dataset_is_named() -> None:
    (problem,) = _problems("PER > 1 and ROE > 1", factors=frozenset({"ROE"}))
    assert problem.message == "the factor PER is not in this dataset"
    assert compile_expression("MINE > 1", role="condition", path="", factors=frozenset({"MINE"})).factors == {"MINE"}


def test_all_mistakes_are_reported_at_once_in_order() -> None:
    first, second = "RO > 5 and\n", "  close > 5000 and ts_sum(close > lag(close, 1), 5) > 2\n"
    text = first + second + "  and ts_mean(PER, 0) > QQQQ + close and foo(BAR)"
    found = [(problem.line, problem.column) for problem in _problems(text)]
    assert found == [(1, 1), (2, 3), (2, 27), (3, 20), (3, 25), (3, 42), (3, 46)]


def test_condition_in_a_window_is_refused_with_the_remedy() -> None:
    (problem,) = _problems("ts_sum(close > lag(close,1), 5) > 2")
    assert "if(close > lag(close, 1), 1, 0)" in problem.message
    assert (problem.line, problem.column) == (1, 8)


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("PER", "condition"), ("PER > 1", "number"), ("PER and ROE > 1", "condition"), ("not PER", "condition"),
        ("(PER > 1) + 1", "number"), ("-(PER > 1)", "number"), ("if(PER, 1, 0)", "number"),
        ("if(PER > 1, PER > 2, 0)", "number"),
        ("(PER > 1) == (ROE > 1)", "condition"), ("is_null(PER > 1)", "condition"),
        ("rank(PER > 1)", "number"), ("coalesce(PER)", "number"),
        ("ts_mean(PER)", "number"), ("abs(PER, 1)", "number"),
        ("rank()", "number"), ("ts_corr(PER, 5)", "number"), ("is_null(PER)", "number"),
    ],
)  # fmt: skip
def test_conditions_and_numbers_are_different_types(text: str, role: str) -> None:
    assert _problems(text, role)


@pytest.mark.parametrize("n", ["0", "501", "1.5", "-1", "PER", "2 + 3", "1e9"])
@pytest.mark.parametrize("call", ["lag(PER, {})", "ts_mean(PER, {})", "ema(PER, {})", "ts_corr(PER, ROE, {})"])
def test_n_is_a_whole_number_from_1_to_500(call: str, n: str) -> None:
    assert "whole number from 1 to 500" in _problems(call.format(n), "number")[0].message
    assert _accepted(call.format(1), "number")
    assert _accepted(call.format(500), "number")


def test_ts_rank_needs_two_rows_and_winsorize_at_most_half() -> None:
    assert "from 2 to 500" in _problems("ts_rank(PER, 1)", "number")[0].message
    assert _accepted("ts_rank(PER, 2)", "number")
    assert "from 0 to 50" in _problems("winsorize(PER, 50.5)", "number")[0].message
    assert _accepted("winsorize(PER, 50)", "number")
    assert _accepted("winsorize(PER, 0)", "number")
    assert _accepted("winsorize(PER, 2.5)", "number")


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("raw_close > 5000", True), ("close > 5000", False), ("close > 0", False), ("volume > 5", False),
        ("trading_value > 1e9", True), ("raw_volume > 1e5", True), ("listed_shares > 1e6", True),
        ("close > open", True), ("close > volume", False),
        ("close * volume > 1e9", True), ("close / open > 1.1", True),
        ("close + 1 > 2", False), ("close + open > 2 * high", True), ("close * close > open * high", True),
        ("-close < open", True), ("abs(close - open) > high", True), ("lag(close, 3) > close", True),
        ("delta(close, 3) > 0", False), ("pct_change(close, 3) > 5", True), ("ts_mean(close, 3) > close", True),
        ("ts_std(close, 3) / close > 1", True), ("ts_sum(volume, 3) > volume", True), ("ema(close, 3) > 3", False),
        ("ts_rank(close, 5) > 0.5", True),
        ("ts_corr(close, volume, 5) > 0.5", True), ("sign(close - open) > 0", True),
        ("min(close, open) > low", True), ("min(close, 3) > low", False), ("clip(close, low, high) > open", True),
        ("clip(close, 1, 2) > open", False),
        ("if(PER > 1, close, open) > low", True), ("if(PER > 1, close, 0) > low", False),
        ("coalesce(close, open) > low", True), ("coalesce(close, PER) > low", False), ("is_null(close)", True),
        ("rank(close) > 3", False), ("rank(close / open) > 3", True),
        ("log(close) > 3", False), ("sqrt(volume) > 3", False),
        ("log(close / open) > 3", True), ("low < close < high", True),
        ("0 < close < high", False), ("zscore(close) > 1", False),
        ("winsorize(raw_close, 5) > 1", True), ("1 / close > volume", True),
        ("1 / close > open", False), ("1 / volume > close", True),
    ],
)  # fmt: skip
def test_level_of_adjusted_prices_must_cancel_out(text: str, right: bool) -> None:
    assert _accepted(text, "condition") == right
    if not right:
        (problem,) = _problems(text)
        assert all(word in problem.message for word in ("raw_close", "raw_volume", "trading_value"))


@pytest.mark.parametrize(
    ("text", "right"), [("close", False), ("close / open", True), ("volume", False), ("raw_close", True)]
)
def test_number_needs_degree_0(text: str, right: bool) -> None:
    assert _accepted(text, "number") == right


def test_expression_lists_fields_factors_and_look_back() -> None:
    found = compile_expression(
        "ts_mean(lag(PER, 3), 5) > ROE and close > ts_max(delta(close, 10), 20) and rank(pct_change(PBR, 2)) > 1",
        role="condition",
        path="",
    )
    assert found.fields == {"adj_close"}
    assert found.factors == {"PER", "ROE", "PBR"}
    assert dict(found.reach) == {"PER": 7, "ROE": 0, "PBR": 2}
    assert (found.lookback, found.whole_history, found.needs_universe) == (29, False, True)
    endless = compile_expression("lag(ema(PER, 20), 4) + ROE", role="number", path="")
    assert (endless.lookback, endless.whole_history, endless.needs_universe) == (4, True, False)
    assert dict(endless.reach) == {"PER": ALL_ROWS, "ROE": 0}


def test_parts_are_the_operands_of_the_outermost_and() -> None:
    found = compile_expression(
        "PER < 1 and (ROE > 1 or PBR < 1) and close > ts_mean(close, 60)", role="condition", path=""
    )
    assert [part.text for part in parts(found)] == ["PER < 1", "ROE > 1 or PBR < 1", "close > ts_mean(close, 60)"]
    assert [part.factors for part in parts(found)] == [{"PER"}, {"ROE", "PBR"}, frozenset()]
    alone = compile_expression("PER < 1 or ROE > 1", role="condition", path="")
    assert parts(alone) == (alone,)


@pytest.mark.parametrize(
    "text", ["# " * 4000, " + ".join(f"NAME_{n}" for n in range(190)), " and ".join(["close > 5"] * 90) + " and foo"]
)
def test_only_the_first_twenty_mistakes_are_reported(text: str) -> None:
    assert len(_problems(text)) == 20


INDICES = frozenset({"KOSPI", "KOSDAQ", "KOSPI 200", "close", "per", "AND"})


def _market(text: str) -> Expression:
    return compile_expression(text, role="market", path="strategy.portfolio.when", indices=INDICES)


def test_index_names_leave_out_fields_factors_and_no_words() -> None:
    assert index_names(INDICES) == {"KOSPI", "KOSDAQ"}
    assert index_names({"코스피", "종가"}) == {"코스피"}
    assert index_names({"PER", "MINE"}, frozenset({"MINE"})) == {"PER"}


def test_expression_lists_its_index_series() -> None:
    found = compile_expression("kospi > ts_mean(KOSPI, 200) and PER > 1", role="condition", path="", indices=INDICES)
    assert found.text == "KOSPI > ts_mean(KOSPI, 200) and PER > 1"
    assert (found.indices, found.factors, found.lookback) == ({"KOSPI"}, {"PER"}, 199)
    assert not found.market_wide
    assert [part.market_wide for part in parts(found)] == [True, False]
    assert compile_expression(found.text, role="condition", path="", indices=None).indices == {"KOSPI"}


def test_unloaded_index_is_named() -> None:
    (problem,) = _problems("KOSPI > 2500")
    assert "index KOSPI is not loaded" in problem.message
    assert "universe.markets" in problem.message
    (problem,) = _problems("KOSPY > 2500", indices=INDICES)
    assert problem.suggestions == ("KOSPI",)


@pytest.mark.parametrize(
    "text",
    [
        "KOSPI > ts_mean(KOSPI, 200)", "row_count(close > ts_mean(close, 60)) / row_count(not_null(close)) > 0.5",
        "1 > 0", "not KOSPI < 100 or is_null(KOSDAQ)", "ts_mean(row_mean(PER), 20) > 10", "row_sum(rank(PER)) > 5",
        "if(KOSPI > 1, row_median(PER), ema(KOSDAQ, 5)) > 3", "ts_corr(KOSPI, KOSDAQ, 20) > 0.5",
    ],
)  # fmt: skip
def test_market_wide_condition_is_accepted(text: str) -> None:
    found = _market(text)
    assert found.market_wide
    assert found.role == "market"
    assert all(part.role == "market" for part in parts(found))


@pytest.mark.parametrize(
    ("text", "column", "name", "suggestion"),
    [
        ("PER > 10", 1, "PER", "row_mean(PER)"),
        ("KOSPI > 100 and ROE > 5", 17, "ROE", "row_mean(ROE)"),
        ("rank(PER) > 5", 1, "rank(PER)", "row_mean(rank(PER))"),
        ("raw_close > row_mean(raw_close)", 1, "raw_close", "row_mean(raw_close)"),
        ("close > lag(row_mean(raw_close) * close, 1)", 1, "close", "row_mean(raw_close)"),
        ("is_null(volume)", 9, "volume", "row_mean(raw_volume)"),
    ],
)
def test_market_condition_that_differs_by_stock_is_refused(text: str, column: int, name: str, suggestion: str) -> None:
    with pytest.raises(RequestError) as caught:
        _market(text)
    problem = caught.value.problems[0]
    assert problem.path == "strategy.portfolio.when"
    assert (problem.column, problem.suggestions) == (column, (suggestion,))
    assert f"`{name}` differs by stock" in problem.message
    assert "row_mean(" in problem.message


def test_market_number_is_refused() -> None:
    with pytest.raises(RequestError, match="expected a condition"):
        _market("KOSPI")


@pytest.mark.parametrize(
    "text", ["row_mean(close) > 1", "row_sum(volume) > 1", "row_count(PER) > 1", "row_mean(PER > 1)"]
)
def test_aggregates_need_degree_0_and_their_type(text: str) -> None:
    assert _problems(text)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("sector == '제약'", "universe.sectors"),
        ('PER > 1 and 업종 != "제약"', "universe.sectors"),
        ("'KOSPI' == market", "universe.markets"),
        ("market = 'KOSPI'", "universe.markets"),
        ("stock_code == ‘005930’", "universe.stock_codes"),
        ("kind == “reit”", "universe.kinds"),
        ("sector == 제약", "universe.sectors"),
        ("market == KOSPI", "universe.markets"),
        ("005930 == code", "universe.stock_codes"),
    ],
)
def test_comparison_with_text_names_the_field(text: str, field: str) -> None:
    (problem,) = _problems(text)
    assert field in problem.message
    assert problem.suggestions == (field,)


def test_text_beside_no_known_name_lists_the_fields() -> None:
    (problem,) = _problems("PER == 'low'")
    assert all(f"universe.{name}" in problem.message for name in ("sectors", "markets", "stock_codes", "kinds"))


@pytest.mark.parametrize("text", ["PER in (1, 2, 3)", "PER not in (1, 2)", "PER > 1 and ROE IN (1)"])
def test_membership_is_refused_with_the_remedy(text: str) -> None:
    (problem,) = _problems(text)
    assert "PER == 1 or PER == 2" in problem.message
