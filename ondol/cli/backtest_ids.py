"""Names of backtests on the command line: a whole id, `latest`, the beginning or end of an id, or a name."""

from __future__ import annotations

import argparse
import asyncio
import re
from collections.abc import Sequence
from typing import Any, Final

from shared.contracts.http import LATEST
from shared.errors import OndolError
from shared.infra.api_client.client import ApiClient

HELP: Final = "id of a backtest, its beginning or end, its name, or latest"


class BacktestReference(str):
    """An argument that stands for a backtest; it is replaced by an id before a command runs."""

    __slots__ = ()


def add_id(parser: argparse.ArgumentParser) -> None:
    """Add the id of a backtest."""
    parser.add_argument("id", type=BacktestReference, metavar="ID", help=HELP)


def add_ids(parser: argparse.ArgumentParser) -> None:
    """Add ids of backtests."""
    parser.add_argument("ids", type=BacktestReference, metavar="ID", nargs="+", help=HELP)


async def resolve_arguments(args: argparse.Namespace, api: ApiClient) -> None:
    """Replace the arguments that stand for backtests by ids."""
    for place, value in list(vars(args).items()):
        if isinstance(value, BacktestReference):
            setattr(args, place, await resolve(api, value))
        elif isinstance(value, list) and any(isinstance(word, BacktestReference) for word in value):
            setattr(args, place, await resolve_all(api, value))


_WHOLE = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_PART = re.compile(r"[0-9a-f-]{4,35}", re.IGNORECASE)
MAX_SEARCHED: Final = 5_000
"""Backtests, the newest first, among which parts of ids and names are looked for."""
_PAGE: Final = 500


async def resolve(api: ApiClient, word: str) -> str:
    """Return the id that a word stands for; raise OndolError when it stands for none or for several."""
    if _WHOLE.fullmatch(word):
        return word
    if word.casefold() == LATEST:
        newest = (await _page(api, None, 1, origin="user"))["items"]
        if not newest:
            raise OndolError("There is no backtest yet; `ondol backtest ID --start DAY --end DAY` runs one.")
        return str(newest[0]["id"])
    found = await _matches(api, word.lstrip("…"))
    if not found:
        raise OndolError(f"There is no backtest {word} among the newest {MAX_SEARCHED:,}; see `ondol backtests list`.")
    if len(found) > 1:
        shown = ", ".join(item["id"] for item in found[:3]) + (", …" if len(found) > 3 else "")
        raise OndolError(f"{word} stands for {len(found)} backtests: {shown}; name one of them.")
    return str(found[0]["id"])


async def resolve_all(api: ApiClient, words: Sequence[str]) -> list[str]:
    """Return the ids that words stand for, in their order."""
    return list(await asyncio.gather(*(resolve(api, word) for word in words)))


async def _matches(api: ApiClient, word: str) -> list[dict[str, Any]]:
    """Return the backtests whose id begins or ends with a word, else those of this name."""
    part = word.lower() if _PART.fullmatch(word) else None
    by_id: list[dict[str, Any]] = []
    by_name: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(MAX_SEARCHED // _PAGE):
        page = await _page(api, cursor, _PAGE)
        by_id += [i for i in page["items"] if part and (i["id"].startswith(part) or i["id"].endswith(part))]
        by_name += [i for i in page["items"] if i.get("name") == word]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return by_name or by_id


async def _page(api: ApiClient, cursor: str | None, limit: int, origin: str | None = None) -> dict[str, Any]:
    query = {"limit": limit, "cursor": cursor, "origin": origin}
    page: dict[str, Any] = await api.call("GET", "/v1/backtests", query=query)
    return page
