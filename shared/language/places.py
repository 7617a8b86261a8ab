"""The places of expressions in a request, and what an expression there has to be."""

from __future__ import annotations

from typing import Literal, get_args

from shared.language.typecheck import Role

Place = Literal["buy.where", "buy.rank_by", "sell.where", "universe.where", "portfolio.when"]
PLACES: tuple[Place, ...] = get_args(Place)
ROLES: dict[Place, Role] = {
    "buy.where": "condition",
    "buy.rank_by": "number",
    "sell.where": "condition",
    "universe.where": "condition",
    "portfolio.when": "market",
}
