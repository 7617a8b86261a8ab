"""Bodies and queries of the webhooks and opening quotes of paper accounts."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.api.schemas.requests import PageQuery, Query
from shared.model.request import Text, Word, about

MAX_QUOTES = 10_000
"""Opening prices of one post; a day of KOSPI and KOSDAQ has about 2,700."""


class WebhookBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `PUT /v1/accounts/{id}/webhook`."""

    url: Annotated[
        Annotated[Text, Meta(min_length=1, max_length=2000)],
        about("Where events are posted: https with a public address.", examples=["https://example.com/ondol"]),
    ]
    secret: Annotated[
        Annotated[Text, Meta(min_length=16, max_length=200)] | None,
        about("Key of the signature; null: one is made and answered once."),
    ] = None


class DeliveriesQuery(PageQuery, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/accounts/{id}/deliveries`."""

    status: Annotated[
        Literal["waiting", "delivered", "dead"] | None, about("Only deliveries of this status; dead: given up.")
    ] = None


class OpeningQuote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The opening price of a stock."""

    stock_code: Annotated[Word, about("Code of the stock.", examples=["005930"])]
    open: Annotated[
        Annotated[float, Meta(gt=0, le=1e9)] | None,
        about("Price of the first trade; null: the stock does not trade at the open, as when it is halted.", "won"),
    ]


class OpeningQuotesBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Body of `POST /v1/quotes/open`."""

    date: Annotated[
        dt.date | None,
        about("Trading day of the prices, the one after the last loaded row; null: today in Seoul.",
              "date, YYYY-MM-DD"),
    ] = None  # fmt: skip
    quotes: Annotated[
        Annotated[list[OpeningQuote], Meta(min_length=1, max_length=MAX_QUOTES)],
        about("Opening prices; those of a day may come in several posts."),
    ]


class PostQuotesQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `POST /v1/quotes/open`."""

    replace: Annotated[bool, about("Whether a price may replace another one that was posted before.")] = False


class OpeningQuotesQuery(Query, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query of `GET /v1/quotes/open`."""

    date: Annotated[
        dt.date | None, about("Day of the quotes; left out: the last day that has some.", "date, YYYY-MM-DD")
    ] = None
