"""From a body to the canonical request: checked, completed, digested; all mistakes at once."""

from __future__ import annotations

import asyncio
import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.api.errors import ApiProblem, invalid, problems_of
from services.api.schemas.requests import BacktestBody, mentioned
from shared.errors import Problem, RequestError
from shared.model.request import BacktestRequest, canonical_json, request_digest
from shared.simulation.validation import STANDARD_INDICES, canonical_request, request_of
from shared.strategies.catalogue import Entry, strategy_request

ANY_DAY = "2000-01-04"
"""For what has no dates of its own."""
_PARTS = re.compile(r"[^.\[\]]+")
IN_LOOP = 2000
"""Letters of a body that is understood at once."""


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A request that is fit to be accepted, before it meets a dataset."""

    request: BacktestRequest
    text: str
    digest: str
    strategy_id: str | None
    dataset: str | None


async def drafted(
    body: Mapping[str, Any], own: Mapping[str, Entry], indices: frozenset[str] = STANDARD_INDICES
) -> Draft:
    """`draft_of`, off the event loop when there is much to read."""
    if len(repr(body)) > IN_LOOP:
        return await asyncio.to_thread(draft_of, body, own, indices)
    return draft_of(body, own, indices)


def draft_of(body: Mapping[str, Any], own: Mapping[str, Entry], indices: frozenset[str] = STANDARD_INDICES) -> Draft:
    """Return the draft of a body; RequestError and ApiProblem list every problem.

    `own` are the caller's strategies, `indices` the index series of the dataset that expressions may name.
    """
    try:
        model = BacktestBody.model_validate(body)
    except ValidationError as error:
        raise invalid(_all_mistakes(body, error, own, indices)) from None
    return _draft(model, own, indices)


def _draft(model: BacktestBody, own: Mapping[str, Entry], indices: frozenset[str]) -> Draft:
    named = mentioned(model)
    reference = named["strategy"]
    whole = strategy_request(reference, named, own)
    request = canonical_request(request_of(_without_id(whole), indices), indices)
    identity = reference if isinstance(reference, str) else reference.get("id")
    return Draft(
        request=request,
        text=canonical_json(request).decode(),
        digest=request_digest(request),
        strategy_id=identity,
        dataset=model.dataset,
    )


def _without_id(whole: dict[str, Any]) -> dict[str, Any]:
    strategy = whole["strategy"]
    if isinstance(strategy, dict) and "id" in strategy:
        whole["strategy"] = {key: value for key, value in strategy.items() if key != "id"}
    return whole


def _all_mistakes(
    body: Mapping[str, Any], error: ValidationError, own: Mapping[str, Entry], indices: frozenset[str]
) -> list[Problem]:
    """The mistakes of the shape, and those that a right shape would still have: what is wrong is left out and the rest
    is checked as if it stood alone."""
    found = problems_of(error)
    pruned = copy.deepcopy(dict(body))
    for item in error.errors(include_url=False, include_context=False, include_input=False):
        _drop(pruned, item["loc"])
    pruned.setdefault("strategy", {})
    if any(problem.path in ("start", "end") for problem in found):
        pruned["start"] = pruned["end"] = ANY_DAY
    try:
        _draft(BacktestBody.model_validate(pruned), own, indices)
    except ValidationError:
        return found
    except RequestError as later:
        return beside(found, later.problems)
    return found


def mistakes_of(
    body: Mapping[str, Any], own: Mapping[str, Entry], indices: frozenset[str] = STANDARD_INDICES
) -> list[Problem]:
    """Everything that `draft_of` has against a body; empty when it is fit."""
    try:
        draft_of(body, own, indices)
    except ApiProblem as error:
        return list(error.errors)
    except RequestError as error:
        return list(error.problems)
    return []


def draft_without(
    body: Mapping[str, Any],
    problems: Iterable[Problem],
    own: Mapping[str, Entry],
    indices: frozenset[str] = STANDARD_INDICES,
) -> Draft | None:
    """The draft of what is left of a body without the places that problems name; None when that is no request."""
    left = copy.deepcopy(dict(body))
    for problem in problems:
        if problem.path in ("start", "end"):
            left["start"] = left["end"] = ANY_DAY
        else:
            _drop(left, tuple(int(part) if part.isdigit() else part for part in _PARTS.findall(problem.path)))
    left.setdefault("strategy", {})
    try:
        return draft_of(left, own, indices)
    except (ApiProblem, RequestError):
        return None


def beside(problems: Sequence[Problem], more: Iterable[Problem]) -> list[Problem]:
    """The problems, and more of other places."""
    seen = {problem.path for problem in problems}
    if seen & {"start", "end"}:
        seen |= {"start", "end"}
    return [*problems, *(problem for problem in more if problem.path not in seen)]


def _drop(body: Any, location: tuple[int | str, ...]) -> None:
    parts = list(location)
    if len(parts) > 1 and parts[0] == "strategy" and parts[1] in ("strategy", "id"):
        del parts[1]
    for part in parts[:-1]:
        if isinstance(body, dict) and part in body:
            body = body[part]
        elif isinstance(body, list) and isinstance(part, int) and part < len(body):
            # a wrong element makes its whole list unusable for further checks, its neighbours are fine
            body = body[part]
        else:
            return
    last = parts[-1]
    if isinstance(body, dict):
        body.pop(last, None)
    elif isinstance(body, list) and isinstance(last, int) and last < len(body):
        body[last] = "KOSPI"
