"""All checks in order."""

from __future__ import annotations

from tests.chaos import (
    damaged_panels,
    database,
    fairness,
    foreign_pages,
    full_disk,
    homes,
    malformed,
    many_rows,
    market_bombs,
    panel_budget,
    planted_values,
    poisoned_redis,
    power_loss,
    quotas,
    redis_servers,
    refusing_broker,
    scaling,
    simulators,
    slow_readers,
    stored_bytes,
    supervisors,
    tenancy,
    upgrades,
    warm_schedule,
)
from tests.chaos.results import Check

CHECKS = (
    Check(
        id="R1", title="a random simulator killed every 2 s under load", run=simulators.r1, quick=True,
        passes_when="all complete, each stored once and equal to the undisturbed run; wall <= undisturbed + 10 s",
    ),
    Check(
        id="R2", title="rolling SIGTERM of every service", run=simulators.r2,
        passes_when="0 5xx, 0 lost, 0 double, backlog empty <= 30 s after",
    ),
    Check(
        id="R3", title="broker killed for 2 s, then flushed", run=redis_servers.r3, quick=True,
        passes_when="no service process exits; consuming again <= 5 s; all done <= 60 s",
    ),
    Check(
        id="R4", title="broker's append-only file cut by 1,000 entries, broker restarted", run=redis_servers.r4,
        passes_when="0 accepted lost, 0 double",
    ),
    Check(
        id="R5", title="cache flushed and panels removed under load", run=redis_servers.r5, quick=True,
        passes_when="0 failed; hit rate >= 99 % again <= 30 s",
    ),
    Check(
        id="R6", title="200 callers of one cold dataset; builder killed; builder stopped past its lease",
        run=scaling.r6,
        passes_when="1 build; 2 builds, no caller waits longer than lease + build; the late publish is rejected",
    ),
    Check(
        id="R7", title="cache filled to 3 x its limit with runs queued", run=redis_servers.r7,
        passes_when="broker evicted 0 keys; every run ends",
    ),
    Check(
        id="R8", title="PostgreSQL down, then stopped (SIGSTOP), under 50 requests/s", run=database.r8, quick=True,
        passes_when="503 within 3 s with Retry-After; 0 accepted lost; normal <= 3 s after",
    ),
    Check(
        id="R9", title="requests that crash their simulator, during R1", run=simulators.r9,
        passes_when="exactly those fail, after 3 starts each; 0 others",
    ),
    Check(
        id="R10", title="100 concurrent submits with one Idempotency-Key", run=database.r10, quick=True,
        passes_when="1 run, 100 equal responses; another body: 422",
    ),
    Check(
        id="R11", title="365 nightly runs, 3 warmers, TZ=UTC and America/New_York", run=warm_schedule.r11,
        passes_when="365 runs at 03:00 Asia/Seoul",
    ),
    Check(
        id="R12", title="warmer terminated and killed in a run; no warmer while one is due", run=warm_schedule.r12,
        quick=True,
        passes_when="the same run finishes; starts <= 60 s after return, once",
    ),
    Check(
        id="R13", title="simulators 1 -> 8 -> 2 during 2,000 runs", run=scaling.r13,
        passes_when="0 lost; new simulators receive work <= 2 s",
    ),
    Check(
        id="R14", title="soak, 20,000 runs", run=scaling.r14,
        passes_when="memory < 1 MiB per 1,000; stream length, pending, descriptors flat",
    ),
    Check(
        id="R15", title="a simulator stopped for 3 x its lease", run=simulators.r15,
        passes_when="executed twice, written once, counted in a metric",
    ),
    Check(
        id="R16", title="copy of a served home is served as well", run=homes.r16,
        passes_when="both answer, keys and backtests are apart; a folder with only a copied run.json is no home",
    ),
    Check(
        id="R17", title="disk of the home full under load, four processes killed, room again", run=full_disk.r17,
        passes_when="503 with Retry-After while full; all processes back <= 10 s after; 0 accepted lost, 0 double",
    ),
    Check(
        id="R19", title="the largest requests that are accepted, eight at once: backtests, then every other kind",
        run=panel_budget.r19, quick=True,
        passes_when="panels that exist or are mapped <= budget + 10 %; none evicted is mapped when idle",
    ),
    Check(
        id="R20", title="bits flip in mapped panels, panel files are cut, under load", run=damaged_panels.r20,
        quick=True,
        passes_when="no wrong result and no wrong table of a sweep is stored once the panels are verified; others are "
        "withdrawn",
    ),
    Check(
        id="R21", title="broker refuses writes: out of memory, read-only, cannot persist, without replicas",
        run=refusing_broker.r21, quick=True,
        passes_when="202 or 503; each stored once and equal; no service exits; /readyz says that the broker refuses",
    ),
    Check(
        id="R22", title="fork server, supervisor and PostgreSQL stopped (SIGSTOP), their children killed",
        run=supervisors.r22,
        passes_when="/readyz names the live simulators; a new backtest ends <= 45 s after",
    ),
    Check(
        id="R18", title="a key floods with the most expensive requests and audits, a warm run beside", run=fairness.r18,
        passes_when="at most 8 works of others begin before one of the other key; its cheap backtest p99 <= 4 x its "
        "quiet p99, its screens <= 200 ms p99",
    ),
    Check(
        id="R23", title="lists of an owner with 1,000,000 backtests; 400 submits at once with a limit of 8",
        run=many_rows.r23,
        passes_when="the median page of every list <= 50 ms; at most 8 are open",
    ),
    Check(
        id="R24", title="clients that receive nothing of answers below 1 MiB; half heads of requests",
        run=slow_readers.r24, quick=True,
        passes_when="api grows <= 256 MiB for 5,000 readers, which are held <= 30 s; half heads: 408 within 12 s",
    ),
    Check(
        id="R25", title="a key floods with the largest results; the disk has too little room", run=quotas.r25,
        quick=True,
        passes_when="bytes stored <= quota, then 429; others are served; 503 before PostgreSQL cannot write",
    ),
    Check(
        id="R26", title="home of an earlier version; api and simulators of two versions under load", run=upgrades.r26,
        quick=True,
        passes_when="results have equal digests; 0 lost; no result of one engine version is that of another; a newer "
        "database is refused",
    ),
    Check(
        id="R27", title="power lost below fsync, under load", run=power_loss.r27, quick=True,
        passes_when="what was not flushed is gone; every accepted run ends; every answer seen is what is stored",
    ),
    Check(
        id="K1", title="SIGKILL of the supervisor under load", run=scaling.supervisor,
        passes_when="no process, socket or panel remains; the home can be served again; 0 accepted lost",
    ),
    Check(
        id="K2", title="SIGKILL, SIGTERM, SIGSTOP to every process in turn under load", run=redis_servers.every_process,
        passes_when="healthy again each time; 0 lost, 0 double, 0 wrong; no 500",
    ),
    Check(
        id="K3", title="1,000 users at once, then 200 requests/s, without a key", run=redis_servers.flood,
        passes_when="every response is 200 or 202",
    ),
    Check(
        id="K4", title="a simulator behind slow, stalled and lost connections", run=scaling.links,
        passes_when="the simulator keeps running; 0 lost, 0 double, 0 wrong",
    ),
    Check(
        id="K5", title="broker, then cache stopped (SIGSTOP) under load", run=redis_servers.stopped_server, quick=True,
        passes_when="submissions accepted <= 3 s; /readyz and /metrics <= 4 s; 0 lost, 0 wrong; healthy <= 5 s",
    ),
    Check(
        id="K6", title="PostgreSQL killed right after a response", run=database.answered, quick=True,
        passes_when="every returned result is in the database afterwards, equal; recomputed where it was lost",
    ),
    Check(
        id="S1", title="malformed requests to every route of the OpenAPI document", run=malformed.s1,
        passes_when="0 5xx, p99 < 200 ms",
    ),
    Check(
        id="S2", title="generated expressions and escapes", run=malformed.s2, quick=True,
        passes_when="none reaches an attribute, import or call outside the allowed list; <= 50 ms each",
    ),
    Check(
        id="S3", title="pickles under every key and stream; bit flips; bombs", run=poisoned_redis.s3, quick=True,
        passes_when="0 executions, 0 wrong results, memory growth <= 64 MiB",
    ),
    Check(
        id="S4", title="every service's Redis user tries forbidden commands", run=poisoned_redis.s4, quick=True,
        passes_when="all rejected",
    ),
    Check(
        id="S5", title="two keys x every route x every id", run=tenancy.s5, quick=True,
        passes_when="0 foreign reads or writes",
    ),
    Check(
        id="S6", title="new environment with hashes required; audit", run=tenancy.s6,
        passes_when="installs; no known advisory",
    ),
    Check(
        id="S7", title="secrets of the running system and canaries in every secret setting", run=tenancy.s7,
        passes_when="in no log, error body or metric",
    ),
    Check(
        id="S8", title="a page of another origin in a browser; forged sources", run=foreign_pages.s8, quick=True,
        passes_when="0 reads, 0 writes",
    ),
    Check(
        id="S9", title="150 strategies of 640 KB, and requests that name one",
        run=stored_bytes.s9, quick=True,
        passes_when="bytes of an owner are bounded; api grows <= 64 MiB",
    ),
    Check(
        id="S10", title="results, answers, parts, manifests and events of the right form planted in Redis",
        run=planted_values.s10, quick=True,
        passes_when="0 served, 0 events believed",
    ),
    Check(
        id="S11", title="market files that are small on disk and large when read, or no regular files",
        run=market_bombs.s11, quick=True,
        passes_when="each is refused with place and remedy, in <= 1 GiB of memory and linear time",
    ),
    Check(
        id="S12", title="control characters in names", run=foreign_pages.s12, quick=True,
        passes_when="0 accepted, 0 printed",
    ),
    Check(
        id="S13", title="another user of the machine and a home", run=homes.s13, quick=True,
        passes_when="0 files listed, read or locked, 0 sockets reached; no login to PostgreSQL",
    ),
    Check(
        id="S14", title="open routes, roles and unknown keys where keys are required", run=foreign_pages.s14,
        passes_when="401, 403 and 200 as the role says; headers on every answer; unknown keys limited, valid ones not",
    ),
)  # fmt: skip
