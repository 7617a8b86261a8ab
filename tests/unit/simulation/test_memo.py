"""The bounded memo of values between runs."""

from __future__ import annotations

from shared.simulation.memo import Memo


def test_value_is_computed_once_and_evicted_beyond_the_limit() -> None:
    made: list[str] = []

    def get(kept: Memo[str | None], key: str) -> str | None:
        def make() -> str | None:
            made.append(key)
            return None if key == "none" else key

        return kept.get(key, make)

    kept: Memo[str | None] = Memo(2)
    assert [get(kept, key) for key in ("none", "a", "none", "a")] == [None, "a", None, "a"]
    assert made == ["none", "a"]
    assert get(kept, "b") == "b"
    assert [get(kept, key) for key in ("b", "a")] == ["b", "a"]
    assert made == ["none", "a", "b", "a"]


def test_memo_contains_what_it_has_and_nothing_after_eviction() -> None:
    memo: Memo[None] = Memo(1)
    assert not memo.contains("a")
    memo.get("a", lambda: None)
    assert memo.contains("a")
    memo.get("b", lambda: None)
    assert [memo.contains(key) for key in ("a", "b")] == [False, True]
