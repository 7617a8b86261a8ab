"""The digest by which the holdouts of two sweeps are the same."""

from __future__ import annotations

from typing import Any

from shared.research.sweeps.holdout import strategy_digest
from shared.research.sweeps.template import read_template


def digest(where: str, names: str = "a b", **further: Any) -> str:
    """Return the digest of a template with a condition."""
    strategy = {"buy": {"where": where, "rank_by": "ROE"}, **further}
    body = {"strategy": strategy, "start": "2021-01-04", "end": "2022-12-29"}
    template = read_template(body, frozenset(names.split()))
    assert not template.problems
    return strategy_digest(template)


def test_names_and_spaces_do_not_change_the_digest() -> None:
    assert digest("PER < $a and ROE > $b") == digest(" PER<$per AND ROE  > $roe", "per roe")


def test_order_of_fields_does_not_change_the_digest() -> None:
    sell = {"stop_loss_pct": "$a", "take_profit_pct": "$b"}
    turned = dict(reversed(sell.items()))
    assert digest("PER < 5", sell=sell) == digest("PER < 5", sell=turned)


def test_another_strategy_has_another_digest() -> None:
    base = digest("PER < $a and ROE > $b")
    others = (digest("PER < $a and ROE > $a"), digest("PBR < $a and ROE > $b"), digest("PER < $a and ROE > 5"))
    assert base not in others
    assert len(set(others)) == 3
    assert digest("PER < $a", sell={"max_hold_days": 5}) != digest("PER < $a", sell={"max_hold_days": "$b"})
