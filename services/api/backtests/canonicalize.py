"""From the body of a request to the canonical request, with every problem reported at once."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.api.schemas.requests import ResearchField
from shared.errors import Problem, RequestError
from shared.messages import say
from shared.model.conversion import convert
from shared.model.request import BacktestRequest, canonical_json, request_digest
from shared.simulation.validation import STANDARD_INDICES, merged, read_request
from shared.strategies.catalogue import Entry, strategy_request

ANY_DAY = "2000-01-04"
"""Start and end of a request that has none of its own."""
LOOP_LENGTH = 2000
"""Length of a body up to which it is validated in the event loop."""


@dataclass(frozen=True, kw_only=True)
class CanonicalRequest:
    """A valid request, before it is validated against a dataset."""

    request: BacktestRequest
    text: str
    digest: str
    strategy_id: str | None
    dataset: str | None
    research: str | None = None
    """The research line that it is a trial of."""


class InvalidBodyError(RequestError):
    """A body with problems; `rest` is the request of what is right in it, None when nothing is."""

    def __init__(self, problems: list[Problem], rest: CanonicalRequest | None) -> None:
        super().__init__(problems)
        self.rest = rest


async def canonicalize_body(
    body: Mapping[str, Any], own: Mapping[str, Entry], indices: frozenset[str] = STANDARD_INDICES
) -> CanonicalRequest:
    """`canonicalize`, in a thread when the body is long."""
    if len(repr(body)) > LOOP_LENGTH:
        return await asyncio.to_thread(canonicalize, body, own, indices)
    return canonicalize(body, own, indices)


def canonicalize(
    body: Mapping[str, Any], own: Mapping[str, Entry], indices: frozenset[str] = STANDARD_INDICES
) -> CanonicalRequest:
    """Return the canonical request of a body.

    `own` are the caller's strategies by id, `indices` the index series of the dataset that expressions may name.
    Raises InvalidBodyError with every problem that can be seen without a dataset.
    """
    problems: list[Problem] = []
    dataset = body.get("dataset")
    if not (dataset is None or (isinstance(dataset, str) and 1 <= len(dataset) <= 64 and "\x00" not in dataset)):
        problems.append(Problem(path="dataset", message=say("not_a_dataset")))
        dataset = None
    line = convert({"research": body.get("research")}, ResearchField)
    problems += line.problems
    whole, identity = spelled_out({name: value for name, value in body.items() if name != "research"}, own, problems)
    found = read_request(whole, indices)
    problems = merged(problems, found.problems)
    if found.value is None:
        raise InvalidBodyError(problems, None)
    canonical = CanonicalRequest(
        request=found.value,
        text=canonical_json(found.value).decode(),
        digest=request_digest(found.value),
        strategy_id=identity,
        dataset=dataset,
        research=None if line.value is None else line.value.research,
    )
    if problems:
        raise InvalidBodyError(problems, canonical)
    return canonical


def spelled_out(
    body: Mapping[str, Any], own: Mapping[str, Entry], problems: list[Problem]
) -> tuple[dict[str, Any], str | None]:
    """Return the body with its strategy spelled out, and the id of the strategy that it names."""
    reference = body.get("strategy")
    named = isinstance(reference, Mapping) and "id" in reference
    whole = isinstance(reference, Mapping) and not named
    identity = None if whole else reference["id"] if isinstance(reference, Mapping) else reference
    parts = {name: value for name, value in reference.items() if name != "id"} if isinstance(reference, Mapping) else {}
    if not isinstance(identity, str):
        if identity is not None or (reference is None and "strategy" in body):
            path, message = ("strategy.id", say("not_a_text")) if named else ("strategy", say("not_a_strategy"))
            problems.append(Problem(path=path, message=message))
        elif not named:
            return dict(body), None
        return {**body, "strategy": parts}, None
    try:
        return strategy_request(reference, body, own), identity
    except RequestError as error:
        problems += error.problems
        return {**body, "strategy": parts}, None


def problems_of_strategy(
    strategy: Mapping[str, Any], costs: Mapping[str, Any], indices: frozenset[str] = STANDARD_INDICES
) -> list[Problem]:
    """Return every problem of a strategy that is spelled out, and of its costs."""
    body = {"strategy": strategy, "costs": costs, "start": ANY_DAY, "end": ANY_DAY}
    return read_request(body, indices).problems
