"""Bodies and queries of the webhooks of paper accounts."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from services.api.schemas.requests import PageQuery
from shared.model.request import Text, about


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
