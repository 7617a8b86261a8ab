"""Webhooks of paper accounts: set, show, remove, and their deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

from ondol.client.account_answers import Delivery, Webhook, WebhookSet
from ondol.client.frames import frame
from ondol.client.queries import listed
from shared.infra.api_client.errors import NotFound

if TYPE_CHECKING:
    import polars as pl

    from shared.infra.api_client.client import ApiClient

DeliveryStatus = Literal["waiting", "delivered", "dead"]


def _path(identity: str) -> str:
    return f"/v1/accounts/{quote(identity, safe='')}"


async def read_webhook(api: ApiClient, identity: str) -> Webhook | None:
    """Return the webhook of an account; None without one."""
    try:
        found: Webhook = await api.call("GET", f"{_path(identity)}/webhook")
    except NotFound as error:
        if error.code == "webhook_not_found":
            return None
        raise
    return found


async def set_webhook(api: ApiClient, identity: str, url: str, secret: str | None) -> WebhookSet:
    """Set the webhook of an account and return it with its secret."""
    body = {"url": url} if secret is None else {"url": url, "secret": secret}
    found: WebhookSet = await api.call("PUT", f"{_path(identity)}/webhook", body=body)
    return found


async def remove_webhook(api: ApiClient, identity: str) -> None:
    """Remove the webhook of an account."""
    await api.call("DELETE", f"{_path(identity)}/webhook")


async def deliveries_frame(api: ApiClient, identity: str, status: DeliveryStatus | None, limit: int) -> pl.DataFrame:
    """Return the deliveries of a webhook, the newest first."""
    return frame(await listed(api, f"{_path(identity)}/deliveries", {"status": status}, limit), "deliveries")


async def resend(api: ApiClient, identity: str, number: int) -> Delivery:
    """Send a delivery again and return it."""
    found: Delivery = await api.call("POST", f"{_path(identity)}/deliveries/{number}/resend")
    return found
