"""The schedule of the system's jobs."""

from __future__ import annotations

import datetime as dt

from aiohttp import web

from services.api.backtests.serialize import instant
from services.api.context import AppContext, RequestContext, Route
from services.api.http.answers import localized_response
from services.api.localization import language_of
from services.api.schemas import operation_responses
from shared.jobs import scheduled_jobs


async def get_schedule(app: AppContext, call: RequestContext) -> web.Response:
    """`GET /v1/schedule`."""
    now = dt.datetime.now(dt.UTC)
    language = language_of(call.request)
    items = [
        {
            "name": job.name, "title": (job.title_ko if language == "ko" else "") or job.title,
            "rule": job.describe(language), "next_run": instant(job.next_run(now)), "enabled": enabled,
        }
        for job, enabled in scheduled_jobs(app.settings)
    ]  # fmt: skip
    return localized_response({"now": instant(now), "items": items}, language)


ROUTES = (
    Route(
        method="GET", path="/v1/schedule", handler=get_schedule, summary="Each job with its next run", tag="warming",
        answers={200: operation_responses.Schedule},
    ),
)  # fmt: skip
