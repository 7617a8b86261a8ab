"""Types, scale degrees, names and what an expression knows about itself."""

from __future__ import annotations

import pytest

from shared.errors import Problem, RequestError
from shared.factors.catalogue import FACTORS
from shared.language import ALL_ROWS, FUNCTIONS, compile_expression, parts
from shared.model.fields import LANGUAGE_FIELDS


def _problems(text: str, role: str = "condition", factors: frozenset[str] | None = None) -> list[Problem]:
    with pytest.raises(RequestError) as caught:
        compile_expression(text, role=role, path="strategy.buy.where", factors=factors)  # type: ignore[arg-type]
    return caught.value.problems


def _accepted(text: str, role: str) -> bool:
    try:
        compile_expression(text, role=role, path="x")  # type: ignore[arg-type]
    except RequestError:
        return False
    return True


def test_every_name_and_function_of_the_catalogues_is_known() -> None:
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
        ("영업이익률 > 5", ("OPM",)),
        ("tsmean(PER, 3) > 5", ("ts_mean",)),
        ("sma(PER, 3) > 5", ("ts_mean",)),
        ("ts_mean > 5", ("ts_mean(x, n)",)),
        ("xyzzyplugh > 5", ()),
    ],
)
def test_an_unknown_name_comes_with_what_it_may_have_meant(text: str, suggestions: tuple[str, ...]) -> None:
    (problem,) = _problems(text)
    assert problem.suggestions == suggestions
    if suggestions and "(" not in suggestions[0]:
        assert f"did you mean {', '.join(suggestions)}?" in problem.message


def test_a_factor_that_the_dataset_lacks_is_told_from_an_unknown_one() -> None:
    (problem,) = _problems("PER > 1 and ROE > 1", factors=frozenset({"ROE"}))
    assert problem.message == "the factor PER is not in this dataset"
    assert compile_expression("MINE > 1", role="condition", path="", factors=frozenset({"MINE"})).factors == {"MINE"}


def test_all_mistakes_come_at_once_in_order_and_none_follows_from_another() -> None:
    first, second = "RO > 5 and\n", "  close > 5000 and ts_sum(close > lag(close, 1), 5) > 2\n"
    text = first + second + "  and ts_mean(PER, 0) > QQQQ + close and foo(BAR)"
    found = [(problem.line, problem.column) for problem in _problems(text)]
    assert found == [(1, 1), (2, 3), (2, 27), (3, 20), (3, 25), (3, 42), (3, 46)]


def test_a_condition_inside_a_window_is_refused_with_the_hint() -> None:
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
def test_the_level_of_adjusted_prices_must_cancel_out(text: str, right: bool) -> None:
    assert _accepted(text, "condition") == right
    if not right:
        (problem,) = _problems(text)
        assert all(word in problem.message for word in ("raw_close", "raw_volume", "trading_value"))


@pytest.mark.parametrize(
    ("text", "right"), [("close", False), ("close / open", True), ("volume", False), ("raw_close", True)]
)
def test_a_number_that_is_ranked_or_stored_has_degree_0(text: str, right: bool) -> None:
    assert _accepted(text, "number") == right


def test_an_expression_knows_its_fields_factors_and_look_back() -> None:
    found = compile_expression(
        "ts_mean(lag(PER, 3), 5) > ROE and close > ts_max(delta(close, 10), 20) and rank(pct_change(PBR, 2)) > 1",
        role="condition",
        path="",
    )
    assert found.fields == {"adj_close"}
    assert found.factors == {"PER", "ROE", "PBR"}
    assert dict(found.reach) == {"PER": 7, "ROE": 0, "PBR": 2}
    assert (found.lookback, found.whole_history, found.cross_section) == (29, False, True)
    endless = compile_expression("lag(ema(PER, 20), 4) + ROE", role="number", path="")
    assert (endless.lookback, endless.whole_history, endless.cross_section) == (4, True, False)
    assert dict(endless.reach) == {"PER": ALL_ROWS, "ROE": 0}


def test_the_parts_of_a_condition_are_the_operands_of_its_outermost_and() -> None:
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
def test_a_text_of_mistakes_is_answered_with_the_first_twenty(text: str) -> None:
    assert len(_problems(text)) == 20
