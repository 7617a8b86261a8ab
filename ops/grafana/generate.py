"""Write the Grafana dashboards: `python ops/grafana/generate.py`; they are written to ops/grafana/dashboards."""

from __future__ import annotations

import pathlib
from dataclasses import dataclass

from grafana_foundation_sdk.builders import dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import DataSourceRef

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = DataSourceRef(type_val="prometheus", uid="prometheus")


@dataclass(frozen=True, kw_only=True)
class Panel:
    """One panel: queries are (PromQL, legend); `unit` is a unit of Grafana; `single` shows only the last value."""

    title: str
    description: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    single: bool = False


DASHBOARDS: dict[str, tuple[str, tuple[Panel, ...]]] = {
    "overview": (
        "Ondol / Overview",
        (
            Panel(title="Chunk hit rate", unit="percentunit", single=True,
                  description="Share of chunks served without the preparer, 5 minutes, all origins. Target: 100 %.",
                  queries=(("ondol:chunk_hit_rate:5m", "hit rate"),)),
            Panel(title="Waiting backtests", unit="short", single=True,
                  description="Computations that no simulator has leased.",
                  queries=(("max(ondol_queue_depth)", "waiting"),)),
            Panel(title="Dataset's last day", unit="dateTimeAsIso", single=True,
                  description="Last trading day of the current dataset version.",
                  queries=(("max(ondol_dataset_last_day_timestamp_seconds) * 1000", "last day"),)),
            Panel(title="Last complete warm run", unit="dateTimeFromNow", single=True,
                  description="When a warm run last ended as completed.",
                  queries=(("max(ondol_warm_last_success_timestamp_seconds) * 1000", "ended"),)),
            Panel(title="Hit rate by origin", unit="percentunit",
                  description="Chunks served from panels or cache by origin: users, the warmer, its verification.",
                  queries=(("ondol:chunk_hit_rate_by_origin:5m", "{{origin}}"),)),
            Panel(title="Chunks by tier", unit="reqps",
                  description="Chunks read each second by tier: t1 panels, t2 Redis.",
                  queries=(("sum by (tier, outcome) (rate(ondol_cache_requests_total[5m]))", "{{tier}} {{outcome}}"),)),
            Panel(title="HTTP latency", unit="s",
                  description="All routes, including the wait for a backtest (Prefer: wait).",
                  queries=(("ondol:request_seconds:p50", "p50"), ("ondol:request_seconds:p99", "p99"))),
            Panel(title="HTTP requests", unit="reqps",
                  description="Requests each second by status.",
                  queries=(("sum by (status) (rate(ondol_requests_total[5m]))", "{{status}}"),)),
            Panel(title="Backtests by stage, p99", unit="s",
                  description="Seconds of a backtest by stage: waiting, mapping, evaluating, simulating.",
                  queries=(("ondol:backtest_seconds:p99", "{{stage}}"),)),
            Panel(title="Queue", unit="s",
                  description="Age of the oldest waiting computation.",
                  queries=(("max(ondol_queue_oldest_age_seconds)", "oldest"),)),
            Panel(title="Private memory", unit="bytes",
                  description="Private memory of the process.",
                  queries=(('sum by (job) (ondol_process_memory_bytes{kind="private"})', "{{job}}"),)),
            Panel(title="Services", unit="short",
                  description="Processes that are scraped.",
                  queries=(("sum by (job) (up)", "{{job}}"),)),
        ),
    ),
    "warmer": (
        "Ondol / Warmer",
        (
            Panel(title="Hit rate of the verification", unit="percentunit", single=True,
                  description="Hit rate of the last warm run when it requested each warmed item through the API.",
                  queries=(("max by (kind) (ondol_warm_hit_rate)", "{{kind}}"),)),
            Panel(title="Runs by end", unit="short",
                  description="Warm runs that ended, in the last day.",
                  queries=(("sum by (status) (increase(ondol_warm_runs_total[1d]))", "{{status}}"),)),
            Panel(title="Steps of paper accounts", unit="short",
                  description="Steps of paper accounts by outcome, in the last day.",
                  queries=(("sum by (outcome) (increase(ondol_paper_steps_total[1d]))", "{{outcome}}"),)),
            Panel(title="Webhooks", unit="short",
                  description="Attempts to deliver events of paper accounts in the last day; dead: given up.",
                  queries=(("sum by (outcome) (increase(ondol_webhook_deliveries_total[1d]))", "{{outcome}}"),)),
            Panel(title="Duration of phases", unit="s",
                  description="Seconds of each phase of the last run.",
                  queries=(("max by (phase) (ondol_warm_phase_seconds)", "{{phase}}"),)),
            Panel(title="Items", unit="short",
                  description="Items of phases that completed or failed in the last day.",
                  queries=(("sum by (phase, outcome) (increase(ondol_warm_items_total[1d]))", "{{phase}} {{outcome}}"),)),
        ),
    ),
    "simulators": (
        "Ondol / Simulators",
        (
            Panel(title="Simulators", unit="short", single=True,
                  description="Simulators that are scraped.",
                  queries=(('sum(up{job="simulator"})', "simulators"),)),
            Panel(title="Backtests by end", unit="reqps",
                  description="Ended computations each second; stale_lease: another owner had the lease, the result was rejected.",
                  queries=(("sum by (outcome) (rate(ondol_backtests_total[5m]))", "{{outcome}}"),)),
            Panel(title="Memory of each simulator", unit="bytes",
                  description="Private memory, and shared memory (panels, libraries).",
                  queries=(('ondol_process_memory_bytes{job="simulator",kind="private"}', "{{instance}} private"),
                           ('ondol_process_memory_bytes{job="simulator",kind="shared"}', "{{instance}} shared"))),
            Panel(title="Stages, mean", unit="s",
                  description="Mean seconds of each stage of a backtest.",
                  queries=(("sum by (stage) (rate(ondol_backtest_seconds_sum[5m])) / sum by (stage) (rate(ondol_backtest_seconds_count[5m]))", "{{stage}}"),)),
            Panel(title="Waiting time, p99", unit="s",
                  description="Seconds from acceptance to the first start by class of work: backtests by origin, long queries, sweeps.",
                  queries=(("histogram_quantile(0.99, sum by (work, le) (rate(ondol_wait_seconds_bucket[5m])))", "{{work}}"),)),
            Panel(title="Repeated runs", unit="short",
                  description="Results rejected because another simulator had acquired the lease.",
                  queries=(("sum(increase(ondol_fenced_runs_total[1h]))", "refused"),)),
            Panel(title="Variants of sweeps", unit="reqps",
                  description="Variants of sweeps each second by outcome.",
                  queries=(("sum by (outcome) (rate(ondol_sweep_variants_total[5m]))", "{{outcome}}"),)),
            Panel(title="Open sweeps", unit="short",
                  description="Unfinished sweeps, and their variants that have not been run.",
                  queries=(("max(ondol_sweeps_open)", "sweeps"), ("max(ondol_sweep_backlog_variants)", "variants"))),
            Panel(title="Parts of sweeps, p99", unit="s",
                  description="Seconds of a part of a sweep until it is stored; parts yield to backtests.",
                  queries=(("histogram_quantile(0.99, sum by (le) (rate(ondol_sweep_part_seconds_bucket[5m])))", "p99"),)),
            Panel(title="Ended walk-forwards", unit="short",
                  description="Walk-forwards of the last hour by outcome.",
                  queries=(("sum by (outcome) (increase(ondol_walk_forwards_total[1h]))", "{{outcome}}"),)),
            Panel(title="Last parts of walk-forwards, p99", unit="s",
                  description="Seconds of the last part of a walk-forward: reading tables, choosing, simulating.",
                  queries=(("histogram_quantile(0.99, sum by (le) (rate(ondol_walk_forward_end_seconds_bucket[5m])))", "p99"),)),
            Panel(title="Recorded trials", unit="short",
                  description="Runs of the last hour that the ledger of trials has recorded: new trials and repeated ones.",
                  queries=(("sum by (outcome) (increase(ondol_research_trials_total[1h]))", "{{outcome}}"),)),
            Panel(title="Factor reports, p99", unit="s",
                  description="Seconds of factor reports and matrices.",
                  queries=(("histogram_quantile(0.99, sum by (kind, le) (rate(ondol_factor_report_seconds_bucket[5m])))", "{{kind}}"),)),
            Panel(title="Stream backtests", unit="short",
                  description="Entries of the stream: undelivered, and delivered but not acknowledged.",
                  queries=(('max(ondol_stream_lag{stream="backtests"})', "lag"), ('max(ondol_stream_pending{stream="backtests"})', "pending"))),
        ),
    ),
    "dataset": (
        "Ondol / Dataset and Redis",
        (
            Panel(title="Dataset bytes", unit="bytes", single=True,
                  description="The current version, raw and compressed.",
                  queries=(("max by (kind) (ondol_dataset_bytes)", "{{kind}}"),)),
            Panel(title="Built", unit="dateTimeFromNow", single=True,
                  description="When the current version was built.",
                  queries=(("max(ondol_dataset_built_timestamp_seconds) * 1000", "built"),)),
            Panel(title="Preparing", unit="s",
                  description="Mean seconds of each stage of preparing a version.",
                  queries=(("sum by (stage) (rate(ondol_prepare_seconds_sum[1h])) / sum by (stage) (rate(ondol_prepare_seconds_count[1h]))", "{{stage}}"),)),
            Panel(title="Quality findings", unit="short",
                  description="Findings of each check in the quality report of the loaded data.",
                  queries=(("max by (check) (ondol_quality_findings)", "{{check}}"),)),
            Panel(title="Redis memory", unit="bytes",
                  description="Used memory of both servers.",
                  queries=(("max by (role) (ondol_redis_memory_bytes)", "{{role}}"),)),
            Panel(title="Evicted keys", unit="short",
                  description="Keys evicted since the server started; always 0 for the broker.",
                  queries=(("max by (role) (ondol_redis_evicted_keys)", "{{role}}"),)),
            Panel(title="Bytes read by tier", unit="Bps",
                  description="Encoded bytes read each second by tier.",
                  queries=(("sum by (tier) (rate(ondol_cache_read_bytes_total[5m]))", "{{tier}}"),)),
            Panel(title="Mapped panels", unit="bytes",
                  description="Bytes of the panels that the simulators of a host share, and of evicted ones still mapped.",
                  queries=(("max(ondol_panel_bytes)", "panels"),
                           ("max(ondol_unlinked_panel_bytes)", "evicted, mapped"))),
            Panel(title="Room on the disk", unit="bytes",
                  description="Room on the fullest file system of ONDOL_DISK_FOLDERS, and below which work is refused.",
                  queries=(("min(ondol_disk_free_bytes)", "free"), ("max(ondol_disk_reserve_bytes)", "reserved"))),
            Panel(title="Stored results", unit="Bps",
                  description="Bytes of results stored each second, by kind.",
                  queries=(("sum by (kind) (rate(ondol_stored_result_bytes_total[5m]))", "{{kind}}"),)),
            Panel(title="Refused work", unit="short",
                  description="Requests for work refused in an hour: quota of a key, room on the disk.",
                  queries=(("sum by (reason) (increase(ondol_refused_work_total[1h]))", "{{reason}}"),)),
            Panel(title="PostgreSQL connections", unit="short",
                  description="Connections of each service's pool, open and idle.",
                  queries=(("sum by (job, state) (ondol_postgres_connections)", "{{job}} {{state}}"),)),
        ),
    ),
}  # fmt: skip


def _panel(panel: Panel) -> stat.Panel | timeseries.Panel:
    visual = stat.Panel() if panel.single else timeseries.Panel().min(0).fill_opacity(10)
    visual = visual.title(panel.title).description(panel.description).unit(panel.unit).datasource(SOURCE)
    visual = visual.height(5 if panel.single else 8).span(6 if panel.single else 12)
    for letter, (query, legend) in zip("ABCDEF", panel.queries, strict=False):
        visual = visual.with_target(prometheus.Dataquery().expr(query).legend_format(legend).ref_id(letter))
    return visual


def dashboards() -> dict[str, str]:
    """Return file name -> JSON text of each dashboard."""
    documents = {}
    for name, (title, panels) in DASHBOARDS.items():
        board = dashboard.Dashboard(title).uid(f"ondol-{name}").tags(["ondol"]).refresh("10s").time("now-3h", "now")
        board = board.readonly()
        for panel in panels:
            board = board.with_panel(_panel(panel))
        documents[f"{name}.json"] = JSONEncoder(sort_keys=True, indent=1).encode(board.build()) + "\n"
    return documents


def queries() -> list[tuple[str, str, str]]:
    """Return (dashboard, panel, PromQL) of every query."""
    return [(name, p.title, q) for name, (_, panels) in DASHBOARDS.items() for p in panels for q, _ in p.queries]


if __name__ == "__main__":
    for file, text in dashboards().items():
        (HERE / "dashboards" / file).write_text(text, encoding="utf-8")
