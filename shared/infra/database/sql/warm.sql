-- Warm runs: first the statements of the API and the command line, then those of the warmer.

-- name: insert_manual_run
-- $1 phases in order. No row: a run is open (`select_open_run`). The warmer is notified.
with made as (
    insert into warm_run (trigger, phases) values ('hand', $1::text[]) on conflict do nothing returning id
)
select id, pg_notify('ondol_warm', id::text)::text as notified from made;

-- name: select_open_run
select id, status, trigger from warm_run where status in ('queued', 'running');

-- name: select_runs
-- $1 before this id (null: newest), $2 limit.
select id, scheduled_date as night, trigger, phases, status, dataset_version, attempts, plan, summary, error,
       created_at, started_at, finished_at
from warm_run where $1::bigint is null or id < $1 order by id desc limit $2;

-- name: select_run
select id, scheduled_date as night, trigger, phases, status, dataset_version, attempts, plan, summary, error,
       created_at, started_at, finished_at
from warm_run where id = $1;

-- name: select_phases
select phase, position as place, status, items, done, failed, computed as fresh, hits, misses, seconds, started_at,
       finished_at
from warm_phase where run = $1 order by position;

-- name: select_failures
select phase, item, error, seconds, missing_data from warm_item where run = $1 and status = 'failed' order by phase, item;

-- name: select_now
-- The clock of all warmers.
select now() as now;

-- name: insert_nightly_run
-- $1 date, $2 trigger, $3 phases. No row: the date has its run, or another run is open (tried again later).
insert into warm_run (scheduled_date, trigger, phases) values ($1, $2, $3::text[]) on conflict do nothing returning id;

-- name: insert_startup_run
-- $1 phases, $2 the current version: only when it was never warmed completely and no run is open.
insert into warm_run (trigger, phases)
select 'start_up', $1::text[]
where not exists (
    select from warm_run
    where dataset_version = $2 and status = 'completed' and phases @> $1::text[]
)
on conflict do nothing returning id;

-- name: select_last_nightly
select max(scheduled_date) as last, max(created_at) as latest, exists (select from data_revision) as has_data from warm_run;

-- name: select_due_runs
-- Queued runs, and runs whose lease has expired.
select id, attempts from warm_run
where status = 'queued' or (status = 'running' and lease_until < now())
order by id;

-- name: acquire_lease
-- $1 run, $2 seconds, $3 worker.
update warm_run
set status = 'running', attempts = attempts + 1, lease = lease + 1, worker = $3,
    lease_until = now() + make_interval(secs => $2), started_at = coalesce(started_at, now())
where id = $1 and (status = 'queued' or (status = 'running' and lease_until < now()))
returning id, phases, lease, attempts, trigger, dataset_version, created_at;

-- name: renew_lease
update warm_run set lease_until = now() + make_interval(secs => $3)
where id = $1 and lease = $2 and status = 'running' returning id;

-- name: release
-- The warmer shuts down: another one, or the restarted one, continues at once.
update warm_run set status = 'queued', lease = lease + 1, lease_until = null, worker = null
where id = $1 and lease = $2 and status = 'running' returning id;

-- name: pin_version
-- $1 run, $2 lease, $3 version, $4 plan.
update warm_run set dataset_version = $3, plan = $4 where id = $1 and lease = $2 and status = 'running' returning id;

-- name: delete_items
-- The dataset has changed since the interrupted attempt: its items are of another version.
with items as (delete from warm_item where run = $1) delete from warm_phase where run = $1;

-- name: finish_run
-- $1 run, $2 lease, $3 status, $4 summary, $5 error.
update warm_run
set status = $3, summary = $4, error = $5, finished_at = now(), lease_until = null, worker = null
where id = $1 and lease = $2 and status = 'running' returning id;

-- name: begin_phase
-- $1 run, $2 phase, $3 position, $4 items.
insert into warm_phase (run, phase, position, items) values ($1, $2, $3, $4)
on conflict (run, phase) do update set status = 'running', items = excluded.items, finished_at = null
returning phase, items, done, failed, computed, seconds;

-- name: count_phase
-- $1 run, $2 phase, $3 seconds spent by this attempt since the last count.
update warm_phase p
set done = f.done, failed = f.failed, computed = f.computed, seconds = p.seconds + $3
from (
    select count(*) filter (where status = 'done') as done, count(*) filter (where status = 'failed') as failed,
           count(*) filter (where status = 'done' and computed) as computed
    from warm_item where run = $1 and phase = $2
) f
where p.run = $1 and p.phase = $2
returning p.phase, p.items, p.done, p.failed, p.computed, p.seconds;

-- name: end_phase
-- $1 run, $2 phase.
update warm_phase set status = case when failed > 0 then 'partial' else 'completed' end, finished_at = now()
where run = $1 and phase = $2
returning phase, items, done, failed, computed, seconds;

-- name: set_phase_hits
-- $1 run, $2 phase, $3 hits, $4 misses.
update warm_phase set hits = $3, misses = $4 where run = $1 and phase = $2;

-- name: select_done_items
select item, status from warm_item where run = $1 and phase = $2 and status = 'done';

-- name: upsert_item
-- $1 run, $2 lease, $3 phase, $4 item, $5 status, $6 computed, $7 seconds, $8 error, $9 missing_data. Fenced by the lease.
insert into warm_item (run, phase, item, status, computed, seconds, error, missing_data)
select $1, $3, $4, $5, $6, $7, $8, $9
where exists (select from warm_run where id = $1 and lease = $2 and status = 'running')
on conflict (run, phase, item) do update
set status = excluded.status, computed = excluded.computed, seconds = excluded.seconds, error = excluded.error,
    missing_data = excluded.missing_data;

-- name: select_popular
-- The most frequent requests of users in the last $1 days, at most $2; without failed ones.
select b.request, b.strategy_id, count(*) as times
from backtest b left join computation c on c.id = b.computation
where b.origin = 'user' and b.created_at > now() - make_interval(days => $1) and c.status is distinct from 'failed'
group by b.request, b.strategy_id order by times desc, b.request limit $2;

-- name: select_newest_revision
select max(id) as revision from data_revision;

-- name: select_part_bytes
select coalesce(sum(octet_length(bytes)), 0)::bigint as bytes from dataset_part where name = any($1::text[]);

-- name: upsert_selection
-- $1 day, $2 strategy, $3 version, $4 picks, $5 error.
insert into daily_selection (day, strategy, dataset_version, picks, error) values ($1, $2, $3, $4, $5)
on conflict (day, strategy) do update
set dataset_version = excluded.dataset_version, picks = excluded.picks, error = excluded.error, created_at = now();

-- name: withdraw_selections
-- Replace the picks that were stored since $1 (seconds since the epoch) by the reason $2; a warm run selects again.
update daily_selection set picks = null, error = $2 where created_at >= to_timestamp($1) and error is null
returning strategy;

-- name: select_selected
-- $1 day, $2 version (null: any).
select strategy from daily_selection
where day = $1 and error is null and ($2::text is null or dataset_version = $2);

-- name: select_last_success
-- A run whose only failures are missing data counts as a success.
select extract(epoch from max(finished_at))::float8 as at from warm_run r
where status = 'completed' or (
    status = 'partial'
    and exists (select from warm_item where run = r.id and missing_data)
    and not exists (select from warm_item where run = r.id and status = 'failed' and not missing_data)
);

-- name: delete_old_runs
delete from warm_run where created_at < now() - interval '400 days' and status not in ('queued', 'running');
