"""Paper accounts: the body of `POST /v1/accounts`, and the account that a client works with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypedDict, Unpack, cast
from urllib.parse import quote

from ondol.client import account_webhooks as webhooks
from ondol.client.account_answers import (
    AccountBody,
    AccountStep,
    Delivery,
    DriftReport,
    StepOutcome,
    Webhook,
    WebhookSet,
)
from ondol.client.frames import frame
from ondol.client.queries import listed
from ondol.client.request import Day, StrategyLike, day_text, plain_options
from ondol.client.strategy import Strategy

if TYPE_CHECKING:
    import polars as pl

    from ondol.client.async_client import AsyncClient
    from ondol.client.sync_client import Client
    from shared.infra.api_client.client import ApiClient

LIMIT = 10_000
"""Rows that a table of an account has at most."""


class AccountFields(TypedDict, total=False):
    """Fields of a paper account besides its strategy, name and start."""

    initial_cash: float
    costs: Mapping[str, Any]
    execution: Mapping[str, Any]
    benchmark: str | None
    public: bool


class AccountChanges(TypedDict, total=False):
    """Fields of a paper account that can be changed."""

    name: str
    strategy: StrategyLike
    costs: Mapping[str, Any]
    execution: Mapping[str, Any]
    paused: bool


def account_body(strategy: StrategyLike, start: Day | None, name: str | None, fields: AccountFields) -> AccountBody:
    """Return the body of an account; raise InvalidRequest for a field that does not exist."""
    body = cast(AccountBody, {"strategy": _plain(strategy), **plain_options(fields)})
    if start is not None:
        body["start"] = day_text(start)
    if name is not None:
        body["name"] = name
    return body


def change_body(changes: AccountChanges) -> AccountBody:
    """Return the body of a change."""
    body = {name: _plain(value) if name == "strategy" else value for name, value in changes.items()}
    return cast(AccountBody, body)


def _plain(strategy: Any) -> Any:
    if isinstance(strategy, str):
        return strategy
    return (strategy if isinstance(strategy, Strategy) else Strategy.from_dict(strategy)).to_dict()


def account_path(identity: str) -> str:
    """Return the path of an account for the API, its id quoted."""
    return f"/v1/accounts/{quote(identity, safe='')}"


async def accounts_frame(api: ApiClient, limit: int) -> pl.DataFrame:
    """Return the caller's accounts, the newest first."""
    return frame(await listed(api, "/v1/accounts", {}, limit), "accounts")


async def orders_frame(api: ApiClient, identity: str, day: Day | None) -> pl.DataFrame:
    """Return the orders of a day, of the last decision without one."""
    query = {"date": None if day is None else day_text(day)}
    document = await api.call("GET", f"{account_path(identity)}/orders", query=query)
    return frame(document["items"], "orders")


async def steps_of(api: ApiClient, identity: str) -> list[AccountStep]:
    """Return the trading days of an account, the newest first."""
    return cast(list[AccountStep], await listed(api, f"{account_path(identity)}/steps", {}, LIMIT))


def steps_frame(steps: Sequence[AccountStep]) -> pl.DataFrame:
    """Return trading days without their fills."""
    rows = [{name: value for name, value in step.items() if name != "fills"} for step in steps]
    return frame(rows, "account_steps")


def fills_frame(steps: Sequence[AccountStep]) -> pl.DataFrame:
    """Return the fills of trading days as they were booked, the oldest first."""
    return frame([fill for step in reversed(steps) for fill in step["fills"]], "fills")


def reconciliation_frame(steps: Sequence[AccountStep]) -> pl.DataFrame:
    """Return the fills of opening quotes beside those of the rows, the oldest first."""
    rows = []
    for step in reversed(steps):
        for item in step["reconciliation"] or ():
            provisional, booked = item["provisional"], item["booked"]
            parts = {
                "provisional_shares": provisional and provisional["shares"],
                "provisional_price": provisional and provisional["price"],
                "shares": booked and booked["shares"], "price": booked and booked["price"],
            }  # fmt: skip
            plain = {name: value for name, value in item.items() if name not in {"provisional", "booked"}}
            rows.append({"date": step["date"], **plain, **parts})
    return frame(rows, "reconciliation")


async def drift_of(api: ApiClient, identity: str) -> list[DriftReport]:
    """Return the drift reports of an account, the newest first."""
    return cast(list[DriftReport], await listed(api, f"{account_path(identity)}/drift", {}, LIMIT))


def drift_frame(reports: Sequence[DriftReport]) -> pl.DataFrame:
    """Return a row for each report and cause."""
    rows = [
        {
            "number": report["number"], "day": report["day"], "dataset_before": report["dataset_before"],
            "dataset_now": report["dataset_now"], "engine_before": report["engine_before"],
            "engine_now": report["engine_now"], "cause": part["cause"], "won": part["won"],
        }
        for report in reports
        for part in report["causes"]
    ]  # fmt: skip
    return frame(rows, "drift")


def cells_frame(reports: Sequence[DriftReport]) -> pl.DataFrame:
    """Return a row for each cell that the reports name."""
    rows = []
    for report in reports:
        for cell in report["cells"] or ():
            values = {"before": cell["before"], "after": cell["after"]}
            shown = {name: None if value is None else str(value) for name, value in values.items()}
            rows.append({"number": report["number"], **cell, **shown})
    return frame(rows, "drift_cells")


async def changes_frame(api: ApiClient, identity: str) -> pl.DataFrame:
    """Return the changes of an account by its user, the newest first; `fields` are their names."""
    rows = await listed(api, f"{account_path(identity)}/changes", {}, LIMIT)
    return frame([{**row, "fields": ", ".join(row["fields"])} for row in rows], "account_changes")


class AccountData:
    """What is known of a paper account; `document` is the API's own."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        self.id = str(document["id"])

    @property
    def name(self) -> str:
        """Name of the account."""
        return str(self.document["name"])

    @property
    def as_of(self) -> str | None:
        """Last day that is booked (YYYY-MM-DD); None before the first."""
        found: str | None = self.document["as_of"]
        return found

    @property
    def equity(self) -> float | None:
        """Cash and positions in won at the last closes; None before the first day."""
        found: float | None = self.document["equity"]
        return found

    @property
    def cash(self) -> float | None:
        """Cash in won; None before the first day."""
        found: float | None = self.document["cash"]
        return found

    @property
    def paused(self) -> bool:
        """Whether it decides no orders."""
        return bool(self.document["paused"])

    @property
    def positions(self) -> pl.DataFrame:
        """The positions on the evening of `as_of`."""
        return frame(self.document["positions"], "open_positions")

    @property
    def provisional_fills(self) -> pl.DataFrame:
        """The fills of posted opening prices, until the day's row is loaded; empty without any."""
        day = self.document["provisional"]
        return frame([] if day is None else day["fills"], "provisional_fills")

    @property
    def curve(self) -> pl.DataFrame:
        """Equity, cash and benchmark of each day."""
        return frame(self.document["curve"], "equity")

    def __repr__(self) -> str:
        equity = "not started" if self.equity is None else f"{self.equity:,.0f} won on {self.as_of}"
        return f"<{type(self).__name__} {self.id} {self.name!r}: {equity}>"


class Account(AccountData):
    """A paper account of a `Client`. No order is sent anywhere."""

    def __init__(self, document: Mapping[str, Any], client: Client) -> None:
        super().__init__(document)
        self._client = client

    def orders(self, date: Day | None = None) -> pl.DataFrame:
        """Return the orders of a day with their statuses; of the last decision without a date."""
        return self._client._run(lambda api: orders_frame(api, self.id, date))

    def steps(self) -> pl.DataFrame:
        """Return the trading days, the newest first: status, decision, booked equity."""
        return steps_frame(self._client._run(lambda api: steps_of(api, self.id)))

    def fills(self) -> pl.DataFrame:
        """Return the fills as they were booked, the oldest first."""
        return fills_frame(self._client._run(lambda api: steps_of(api, self.id)))

    def reconciliation(self) -> pl.DataFrame:
        """Return the fills of posted opening prices beside those of the rows, with the difference in won."""
        return reconciliation_frame(self._client._run(lambda api: steps_of(api, self.id)))

    def drift(self) -> pl.DataFrame:
        """Return what each cause of each drift report made, the newest first."""
        return drift_frame(self.drift_reports())

    def drift_cells(self) -> pl.DataFrame:
        """Return the restated and late cells of all drift reports; values are texts."""
        return cells_frame(self.drift_reports())

    def drift_reports(self) -> list[DriftReport]:
        """Return the drift reports as the API has them, the newest first."""
        return self._client._run(lambda api: drift_of(api, self.id))

    def step(self) -> StepOutcome:
        """Book the days that are loaded and decide the orders that are due: {booked, decided, drift, …}."""
        found: StepOutcome = self._client._run(lambda api: api.call("POST", f"{account_path(self.id)}/steps"))
        self.refresh()
        return found

    def change(self, **changes: Unpack[AccountChanges]) -> Account:
        """Change name, strategy, costs or execution, or pause it; the account is computed again from its start."""
        body = change_body(changes)
        self.document = self._client._run(lambda api: api.call("PATCH", account_path(self.id), body=body))
        return self

    def changes(self) -> pl.DataFrame:
        """Return the changes that were made, the newest first."""
        return self._client._run(lambda api: changes_frame(api, self.id))

    def webhook(self) -> Webhook | None:
        """Return where its events are posted: {url, created_at}; None: nowhere."""
        return self._client._run(lambda api: webhooks.read_webhook(api, self.id))

    def set_webhook(self, url: str, secret: str | None = None) -> WebhookSet:
        """Post its events to an address, signed: {url, created_at, secret}. Without a secret one is made.

        The secret is not answered again.
        """
        return self._client._run(lambda api: webhooks.set_webhook(api, self.id, url, secret))

    def remove_webhook(self) -> None:
        """Remove its webhook; waiting deliveries are not sent."""
        self._client._run(lambda api: webhooks.remove_webhook(api, self.id))

    def deliveries(self, *, status: webhooks.DeliveryStatus | None = None, limit: int = 50) -> pl.DataFrame:
        """Return the deliveries of its webhook, the newest first; `dead` ones were given up."""
        return self._client._run(lambda api: webhooks.deliveries_frame(api, self.id, status, limit))

    def resend(self, number: int) -> Delivery:
        """Send a delivery again, with all its attempts."""
        return self._client._run(lambda api: webhooks.resend(api, self.id, number))

    def refresh(self) -> Account:
        """Read the account again."""
        self.document = self._client._run(lambda api: api.call("GET", account_path(self.id)))
        return self

    def delete(self) -> None:
        """Delete the account with its days and reports."""
        self._client._run(lambda api: api.call("DELETE", account_path(self.id)))


class AsyncAccount(AccountData):
    """A paper account of an `AsyncClient`; what asks the API is awaited."""

    def __init__(self, document: Mapping[str, Any], client: AsyncClient) -> None:
        super().__init__(document)
        self._client = client

    async def orders(self, date: Day | None = None) -> pl.DataFrame:
        """Return the orders of a day with their statuses; of the last decision without a date."""
        return await orders_frame(self._client._api(), self.id, date)

    async def steps(self) -> pl.DataFrame:
        """Return the trading days, the newest first: status, decision, booked equity."""
        return steps_frame(await steps_of(self._client._api(), self.id))

    async def fills(self) -> pl.DataFrame:
        """Return the fills as they were booked, the oldest first."""
        return fills_frame(await steps_of(self._client._api(), self.id))

    async def reconciliation(self) -> pl.DataFrame:
        """Return the fills of posted opening prices beside those of the rows, with the difference in won."""
        return reconciliation_frame(await steps_of(self._client._api(), self.id))

    async def drift(self) -> pl.DataFrame:
        """Return what each cause of each drift report made, the newest first."""
        return drift_frame(await self.drift_reports())

    async def drift_cells(self) -> pl.DataFrame:
        """Return the restated and late cells of all drift reports; values are texts."""
        return cells_frame(await self.drift_reports())

    async def drift_reports(self) -> list[DriftReport]:
        """Return the drift reports as the API has them, the newest first."""
        return await drift_of(self._client._api(), self.id)

    async def step(self) -> StepOutcome:
        """Book the days that are loaded and decide the orders that are due: {booked, decided, drift, …}."""
        found: StepOutcome = await self._client._api().call("POST", f"{account_path(self.id)}/steps")
        await self.refresh()
        return found

    async def change(self, **changes: Unpack[AccountChanges]) -> AsyncAccount:
        """Change name, strategy, costs or execution, or pause it; the account is computed again from its start."""
        self.document = await self._client._api().call("PATCH", account_path(self.id), body=change_body(changes))
        return self

    async def changes(self) -> pl.DataFrame:
        """Return the changes that were made, the newest first."""
        return await changes_frame(self._client._api(), self.id)

    async def webhook(self) -> Webhook | None:
        """Return where its events are posted: {url, created_at}; None: nowhere."""
        return await webhooks.read_webhook(self._client._api(), self.id)

    async def set_webhook(self, url: str, secret: str | None = None) -> WebhookSet:
        """Post its events to an address, signed: {url, created_at, secret}. Without a secret one is made.

        The secret is not answered again.
        """
        return await webhooks.set_webhook(self._client._api(), self.id, url, secret)

    async def remove_webhook(self) -> None:
        """Remove its webhook; waiting deliveries are not sent."""
        await webhooks.remove_webhook(self._client._api(), self.id)

    async def deliveries(self, *, status: webhooks.DeliveryStatus | None = None, limit: int = 50) -> pl.DataFrame:
        """Return the deliveries of its webhook, the newest first; `dead` ones were given up."""
        return await webhooks.deliveries_frame(self._client._api(), self.id, status, limit)

    async def resend(self, number: int) -> Delivery:
        """Send a delivery again, with all its attempts."""
        return await webhooks.resend(self._client._api(), self.id, number)

    async def refresh(self) -> AsyncAccount:
        """Read the account again."""
        self.document = await self._client._api().call("GET", account_path(self.id))
        return self

    async def delete(self) -> None:
        """Delete the account with its days and reports."""
        await self._client._api().call("DELETE", account_path(self.id))
