"""A research line: its trials, and how much of the best one may be luck."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ondol.client.frames import frame
from ondol.client.queries import listed

if TYPE_CHECKING:
    import polars as pl

    from shared.infra.api_client.client import ApiClient


@dataclass(frozen=True, kw_only=True)
class ResearchLine:
    """A research line: counts of its trials, its best one, and the statistics of luck with formulas and inputs."""

    document: Mapping[str, Any] = field(repr=False)
    name: str
    trials: int
    """Distinct trials; equal ones count once, deleted ones stay."""
    extra_trials: int
    """Trials that were made elsewhere."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> ResearchLine:
        """Return the line of an answer."""
        return cls(
            document=document, name=document["name"], trials=document["trials"], extra_trials=document["extra_trials"]
        )

    @property
    def best(self) -> dict[str, Any] | None:
        """The best trial: kind, id, variant, weeks and moments of its weekly returns; None without one."""
        found: dict[str, Any] | None = self.document["best"]
        return found

    @property
    def dsr(self) -> tuple[float, float] | None:
        """Deflated Sharpe ratio of the best trial: against all trials, and against their effective number."""
        figure = self.document["statistics"].get("dsr")
        return None if figure is None else (figure["low"], figure["high"])

    @property
    def statistics(self) -> pl.DataFrame:
        """Each statistic with value or interval, unit, formula, source and inputs."""
        rows = [
            {
                **figure,
                "statistic": name,
                "inputs": ", ".join(f"{key} {value}" for key, value in figure["inputs"].items()),
            }
            for name, figure in self.document["statistics"].items()
        ]
        columns = ("statistic", "value", "low", "high", "unit", "formula", "source", "inputs")
        return frame([{column: row[column] for column in columns} for row in rows])

    @property
    def conclusion(self) -> str:
        """Whether the best trial can be distinguished from luck, in a sentence."""
        return str(self.document["conclusion"]["message"])

    @property
    def warnings(self) -> tuple[str, ...]:
        """What limits the figures, and what speaks against the best trial."""
        return tuple(warning["message"] for warning in self.document["warnings"])


async def read(api: ApiClient, name: str) -> ResearchLine:
    """Return a research line by its name; OndolError when there is none."""
    return ResearchLine.of(await api.call("GET", path_of(name)))


async def change(api: ApiClient, name: str, *, extra_trials: int | None, close: bool) -> ResearchLine:
    """Raise the number of extra trials of a line, or close it; return it."""
    body: dict[str, Any] = {} if extra_trials is None else {"extra_trials": extra_trials}
    if close:
        body["closed"] = True
    return ResearchLine.of(await api.call("PATCH", path_of(name), body=body))


async def lines(api: ApiClient, limit: int) -> pl.DataFrame:
    """Return a row for each research line of the caller, the newest first, at most `limit`."""
    return frame(await listed(api, "/v1/research", {}, limit))


def path_of(name: str) -> str:
    """Return the path of a line for the API, its name quoted."""
    return f"/v1/research/{quote(name, safe='')}"
