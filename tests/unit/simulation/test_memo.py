"""What is kept between runs."""

from __future__ import annotations

from shared.simulation.memo import Memo


def test_a_thing_is_made_once_even_when_it_is_none_and_all_are_forgotten_with_one_too_many() -> None:
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
