"""Shapes of answers about the webhooks of paper accounts."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from shared.model.request import about


class Webhook(Struct, kw_only=True):
    """Where the events of an account are posted."""

    url: Annotated[str, about("Address of the receiver.")]
    created_at: Annotated[Instant, about("When it was set.", UTC)]


class WebhookSet(Webhook, kw_only=True):
    """A webhook that was set, with its key."""

    secret: Annotated[str, about("Key of the signature. It is not answered again.")]


class Delivery(Struct, kw_only=True):
    """An event that is delivered to the webhook of an account."""

    number: Annotated[int, about("Number of the delivery.")]
    event_id: Annotated[str, about("Id of the event, the same in every attempt.")]
    type: Annotated[
        Literal[
            "orders.decided", "orders.working", "orders.provisional", "orders.filled", "account.drift", "data.late"
        ],
        about("What happened."),
    ]
    date: Annotated[DateText, about("Trading day of the event.", DATE)]
    status: Annotated[
        Literal["waiting", "delivered", "dead"],
        about("waiting: for its next attempt; delivered: the receiver answered 2xx; dead: given up."),
    ]
    attempts: Annotated[Count, about("Attempts so far.", "attempts")]
    due_at: Annotated[Instant, about("When the next attempt is due; of others the last time.", UTC)]
    http_status: Annotated[int | None, about("Status of the last answer; null: there was none.")]
    error: Annotated[str | None, about("Why the last attempt failed; null: it did not.")]
    created_at: Annotated[Instant, about("When the event happened.", UTC)]
    delivered_at: Annotated[Instant | None, about("When it was accepted; null: it was not.", UTC)]


class DeliveryPage(Struct, kw_only=True):
    """A page of deliveries, the newest first."""

    items: Annotated[list[Delivery], about("Deliveries.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]
