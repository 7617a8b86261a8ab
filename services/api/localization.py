"""Answers in the language of the caller: English, or Korean by `Accept-Language: ko`."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from aiohttp import web

from services.api.http.accept import weighted_words
from services.api.http.vary import add_vary
from shared.messages import Language, render
from shared.messages.answers import TITLES_KO
from shared.messages.message import UNCLASSIFIED
from shared.messages.warnings import in_korean


@lru_cache(maxsize=256)
def preferred_language(header: str | None) -> Language:
    """Return the language that `Accept-Language` weights most, English without a preference for Korean."""
    best: tuple[float, Language] = (0.0, "en")
    for tag, weight in weighted_words(header or ""):
        language: Language | None = {"ko": "ko", "en": "en", "*": "en"}.get(tag.partition("-")[0])  # type: ignore[assignment]
        if language is not None and weight > best[0]:
            best = (weight, language)
    return best[1]


def language_of(request: web.BaseRequest) -> Language:
    """Return the language of the answer to a request."""
    return preferred_language(request.headers.get("Accept-Language"))


def mark_language(response: web.StreamResponse, language: Language) -> None:
    """Say in which language an answer is, and that it depends on the request."""
    response.headers["Content-Language"] = language
    add_vary(response, "Accept-Language")


def localized_problem(document: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return a problem document in a language, with `code` and `params` also when an earlier version wrote it.

    The detail of a single mistake is its message, and that of a refused run the messages of all its mistakes.
    """
    found = dict(document)
    word = str(found.get("type", "")).rpartition(":")[2]
    found.setdefault("code", str(found.get("kind", word)).replace("-", "_") or UNCLASSIFIED)
    found.setdefault("params", {"message": found.get("detail", "")})
    found["errors"] = [localized_item(item, language) for item in found.get("errors", ())]
    if language == "en":
        return found
    found["title"] = TITLES_KO.get(word, found.get("title", ""))
    messages = [item["message"] for item in found["errors"]]
    if messages and (
        found["code"] == "several_problems" or (found["code"] == "invalid_request" and len(messages) == 1)
    ):
        found["detail"] = " ".join(dict.fromkeys(messages))
    else:
        found["detail"] = render(found["code"], found["params"], language) or found["detail"]
    return found


def localized_item(item: Mapping[str, Any], language: Language) -> dict[str, Any]:
    """Return an entry of `errors[]` in a language."""
    found = {"code": UNCLASSIFIED, "params": {"message": item.get("message", "")}, **item}
    if language != "en":
        found["message"] = render(found["code"], found["params"], language) or found["message"]
    return found


def localized_error(text: str | None, language: Language) -> str | None:
    """Return the stored problem of a failed backtest in a language, as JSON."""
    return None if text is None else orjson.dumps(localized_problem(orjson.loads(text), language)).decode()


def localized_warnings(body: bytes, language: Language) -> bytes:
    """Return the JSON of an answer with its `warnings` in a language."""
    if language == "en":
        return body
    document = orjson.loads(body)
    document["warnings"] = in_korean(document.get("warnings", []))
    return orjson.dumps(document)
