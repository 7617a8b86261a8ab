"""The scheduled jobs at the times of the settings, and which of them the settings enable."""

from __future__ import annotations

from shared.contracts.schedule import Job, timetable
from shared.settings import Settings


def jobs_by_name(settings: Settings) -> dict[str, Job]:
    """Return every scheduled job by its name."""
    return {job.name: job for job in timetable(settings.warm_at, settings.data_due)}


def scheduled_jobs(settings: Settings) -> list[tuple[Job, bool]]:
    """Return each scheduled job with whether it is enabled."""
    enabled = {
        "warm": settings.warm_enabled,
        **dict.fromkeys(("paper_data", "paper_orders", "paper_open"), settings.paper_trading_enabled),
        "fetch": settings.fetches,
        "filings": settings.fetches,
        "purge": bool(
            settings.result_retention_days or settings.user_result_retention_days or settings.sweep_retention_days
        ),
    }
    return [(job, enabled.get(job.name, True)) for job in jobs_by_name(settings).values()]
