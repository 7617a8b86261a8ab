"""The instruments of a dataset: append-only columns with the loaded attributes of each company."""

from __future__ import annotations

from functools import cached_property

import msgspec
import numpy as np

from shared.model.calendar import NO_DAY


class Instruments(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Columns of every panel, in ordinal order; a new instrument gets the next ordinal and no other changes.

    Dates are day numbers (`shared.model.calendar`), None where unknown.
    """

    code: tuple[str, ...]
    name: tuple[str, ...]
    name_en: tuple[str | None, ...]
    market: tuple[str, ...]
    sector: tuple[str | None, ...]
    listed_on: tuple[int | None, ...]
    delisted_on: tuple[int | None, ...]
    kind: tuple[str | None, ...] = ()
    """As loaded, one of `shared.model.kinds.KINDS`; None where it is to be derived. Nothing means None for all."""
    issuer: tuple[str | None, ...] = ()
    """The company that issued it, as loaded; nothing means None for all (`shared.model.issuers`)."""

    def __post_init__(self) -> None:
        for name in ("kind", "issuer"):
            if not getattr(self, name):
                msgspec.structs.force_setattr(self, name, (None,) * len(self.code))

    def __len__(self) -> int:
        return len(self.code)

    @cached_property
    def ordinal(self) -> dict[str, int]:
        """Stock code -> column."""
        return {code: i for i, code in enumerate(self.code)}

    @cached_property
    def code_rank(self) -> np.ndarray:
        """int32 [N]: position of each column when ordered by stock code ascending (every tie ends here)."""
        rank = np.empty(len(self.code), np.int32)
        rank[self.by_code] = np.arange(len(self.code), dtype=np.int32)
        return rank

    @cached_property
    def by_code(self) -> np.ndarray:
        """int32 [N]: the columns ordered by stock code ascending, the inverse of `code_rank`."""
        return np.array(sorted(range(len(self.code)), key=self.code.__getitem__), np.int32)

    @cached_property
    def delisted_day(self) -> np.ndarray:
        """int32 [N]: day number of `delisted_on`, `NO_DAY` where there is none."""
        return np.array([NO_DAY if d is None else d for d in self.delisted_on], np.int32)
