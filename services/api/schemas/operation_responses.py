"""Shapes of answers about the system itself: health, warm runs, the schedule, the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Struct

from services.api.schemas.field_types import DATE, NEXT_CURSOR, UTC, Count, DateText, Instant
from shared.model.request import about


class Health(Struct, kw_only=True):
    """Whether the process is alive."""

    status: Annotated[Literal["ok"], about("ok: the process answers.")]


class Readiness(Struct, kw_only=True):
    """Whether the dependencies answer."""

    status: Annotated[Literal["ready", "not_ready"], about("ready when every dependency answers.")]
    dependencies: Annotated[
        dict[str, bool], about("Dependency -> whether it answers; the broker also has to accept writes.")
    ]
    simulators: Annotated[
        Count | None,
        about(
            "Simulators that were alive in the last ten seconds; null when the broker does not answer.", "simulators"
        ),
    ]


class WarmRun(Struct, kw_only=True):
    """A warm run."""

    id: Annotated[int, about("Id of the run.")]
    trigger: Annotated[str, about("What started it.")]
    phases: Annotated[list[str], about("Phases of the run.")]
    status: Annotated[
        Literal["queued", "running", "completed", "partial", "failed"],
        about("State; partial: an item failed for another reason than missing data."),
    ]
    night: Annotated[DateText | None, about("Date in Seoul of a nightly run; null: another one.", DATE)]
    attempts: Annotated[Count, about("Attempts so far; a run that is interrupted is tried again.", "attempts")]
    plan: Annotated[
        dict[str, Any] | None, about("What was planned against the limit of the cache; null: not planned yet.")
    ]
    summary: Annotated[dict[str, Any] | None, about("What came out; null: it has not ended.")]
    error: Annotated[str | None, about("Why it failed.")]
    dataset_version: Annotated[str | None, about("Dataset version that is warmed.")]
    created_at: Annotated[Instant, about("When it was requested.", UTC)]
    started_at: Annotated[Instant | None, about("When it began.", UTC)]
    finished_at: Annotated[Instant | None, about("When it ended.", UTC)]


class WarmRunList(Struct, kw_only=True):
    """A page of warm runs, the newest first."""

    items: Annotated[list[WarmRun], about("Warm runs.")]
    next_cursor: Annotated[str | None, NEXT_CURSOR]
    startable: Annotated[bool, about("Whether the caller has the role that starts one.")]


class WarmPhase(Struct, kw_only=True):
    """Progress of a phase."""

    phase: Annotated[str, about("Name of the phase.")]
    status: Annotated[str, about("State of the phase.")]
    items: Annotated[Count, about("Number of items.", "items")]
    done: Annotated[Count, about("Number of items that are done.", "items")]
    failed: Annotated[Count, about("Number of items that failed.", "items")]
    place: Annotated[int, about("Place of the phase in the run.")]
    fresh: Annotated[Count, about("Items that were computed; the others were warm already.", "items")]
    hits: Annotated[Count | None, about("Reads that the cache answered; null: not counted.", "reads")]
    misses: Annotated[Count | None, about("Reads that it did not answer; null: not counted.", "reads")]
    seconds: Annotated[float, about("Duration so far.", "s")]
    started_at: Annotated[Instant | None, about("When it began.", UTC)]
    finished_at: Annotated[Instant | None, about("When it ended.", UTC)]


class WarmFailure(Struct, kw_only=True):
    """An item of a warm run that failed."""

    phase: Annotated[str, about("Phase of the item.")]
    item: Annotated[str, about("Name of the item.")]
    error: Annotated[str | None, about("Why it failed.")]
    seconds: Annotated[float, about("How long it took.", "s")]
    missing_data: Annotated[bool, about("Whether data are missing that the loaded market does not have.")]


class WarmRunDetail(WarmRun, kw_only=True):
    """A warm run with its phases and failures."""

    progress: Annotated[list[WarmPhase], about("Phases that have begun.")]
    failures: Annotated[list[WarmFailure], about("Items that failed, with the reason.")]


class ScheduledJob(Struct, kw_only=True):
    """A job of the schedule."""

    name: Annotated[str, about("Name of the job.")]
    title: Annotated[str, about("What it does.")]
    rule: Annotated[str, about("When it runs.")]
    next_run: Annotated[Instant, about("When it runs next.", UTC)]
    enabled: Annotated[bool, about("Whether the settings switch it on.")]


class Schedule(Struct, kw_only=True):
    """The schedule."""

    now: Annotated[Instant, about("Time of the answer.", UTC)]
    items: Annotated[list[ScheduledJob], about("Jobs.")]


class OpenApi(Struct, kw_only=True):
    """An OpenAPI document."""

    openapi: Annotated[str, about("Version of OpenAPI.")]
    info: Annotated[dict[str, Any], about("Title, version, description and licence of the interface.")]
    paths: Annotated[dict[str, Any], about("Routes.")]
    components: Annotated[dict[str, Any], about("Shapes of bodies and answers, and the security scheme.")]
    security: Annotated[list[dict[str, Any]], about("That a key may be sent.")]
