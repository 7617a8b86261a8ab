-- Statements of the API and the simulators on `backtest` and `computation`.

-- name: insert_backtest
-- $1 id, $2 new computation, $3 owner, $4 request, $5 request digest, $6 dataset, $7 engine, $8 rules, $9 strategy,
-- $10 origin, $11 idempotency key, $12 body digest, $13 no-store, $14 created at, $15 cost, $16 whether it is long,
-- $17 research line, $18 bytes that its result may have.
-- An owner who joins the queued computation of another one waits for it with the own share.
-- Returns no row when an equal computation is inserted at the same time (retry), or the idempotency key is taken.
-- `live` is selected by its key; it may end before it is locked.
with found as (
    select id, status from computation
    where not $13::boolean and shared and status in ('queued', 'preparing', 'running', 'completed')
      and request_digest = $5 and dataset_version = $6 and engine_version = $7 and rules_version = $8
), done as (
    select id, status from found where status = 'completed'
), live as (
    select id, status, owner from computation
    where id = (select id from found where status <> 'completed')
      and status not in ('completed', 'failed', 'cancelled')
    for share
), made as (
    insert into computation
        (id, request_digest, dataset_version, engine_version, rules_version, shared, origin, request, created_at,
         owner, cost, long, reserved_bytes)
    select $2, $5, $6, $7, $8, not $13::boolean, $10, $4, $14, $3, $15, $16, $18
    where not exists (select from done) and not exists (select from live)
    on conflict do nothing
    returning id, status
), chosen as (
    select * from done union all select id, status from live union all select * from made
), joined as (
    insert into computation_waiter (computation, owner) select id, $3 from live where status = 'queued' and owner <> $3
    on conflict do nothing
)
insert into backtest
    (id, owner, computation, request, request_digest, dataset_version, strategy_id, origin, cached, no_store,
     idempotency_key, body_digest, created_at, ended, research)
select $1, $3, chosen.id, $4, $5, $6, $9, $10, chosen.status = 'completed', $13::boolean, $11, $12, $14,
       case when chosen.status = 'completed' then 'completed' end, $17
from chosen
on conflict (owner, idempotency_key) where idempotency_key is not null do nothing
returning id, computation, cached, (select status from chosen) as status, computation = $2 as is_new;

-- name: insert_cached_backtest
-- A request whose completed computation is known.
insert into backtest
    (id, owner, computation, request, request_digest, dataset_version, strategy_id, origin, cached, created_at, ended,
     research)
select $1, $2, id, request, request_digest, dataset_version, $4, $5, true, $6, 'completed', $7
from computation where id = $3 and status = 'completed'
returning id;

-- name: insert_pending_backtest
-- No dataset version exists yet: the row gets the first one.
insert into backtest
    (id, owner, request, request_digest, strategy_id, origin, no_store, idempotency_key, body_digest, created_at,
     research, reserved_bytes)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
on conflict (owner, idempotency_key) where idempotency_key is not null do nothing
returning id;

-- name: select_pending
select id, request, request_digest, origin, no_store from backtest
where computation is null and cancelled_at is null order by created_at limit $1;

-- name: attach_pending
-- $1 backtest, $2 new computation, $3 dataset, $4 engine, $5 rules, $6 cost, $7 whether it is long.
with row as (
    select * from backtest where id = $1 and computation is null and cancelled_at is null for update
), found as (
    select c.id from computation c, row
    where not row.no_store and c.shared and c.status in ('queued', 'preparing', 'running', 'completed')
      and c.request_digest = row.request_digest and c.dataset_version = $3
      and c.engine_version = $4 and c.rules_version = $5
), made as (
    insert into computation
        (id, request_digest, dataset_version, engine_version, rules_version, shared, origin, request, created_at,
         owner, cost, long, reserved_bytes)
    select $2, request_digest, $3, $4, $5, not no_store, origin, request, created_at, owner, $6, $7, reserved_bytes
    from row where not exists (select from found)
    on conflict do nothing
    returning id
), chosen as (
    select id from found union all select id from made
)
update backtest set computation = chosen.id, dataset_version = $3 from chosen
where backtest.id = $1 and backtest.computation is null
returning backtest.computation, backtest.computation = $2 as is_new;

-- name: fail_pending
-- A row without a computation whose request this version cannot read: $1 backtest, $2 new computation, $3 engine, $4
-- rules, $5 problem.
with failed as (
    insert into computation (id, request_digest, dataset_version, engine_version, rules_version, origin, request,
                             created_at, owner, status, error, finished_at)
    select $2, request_digest, '', $3, $4, origin, request, created_at, owner, 'failed', $5, now()
    from backtest where id = $1 and computation is null and cancelled_at is null
    returning id
)
update backtest set computation = failed.id from failed where backtest.id = $1;

-- name: select_idempotent
select id, body_digest from backtest
where owner = $1 and idempotency_key = $2 and created_at > now() - interval '24 hours';

-- name: expire_idempotency_key
update backtest set idempotency_key = null
where owner = $1 and idempotency_key = $2 and created_at <= now() - interval '24 hours';

-- name: count_open
-- Number of unfinished backtests of an owner.
select count(*) from backtest b left join computation c on c.id = b.computation
where b.owner = $1 and b.ended is null and b.cancelled_at is null
  and (c.id is null or c.status in ('queued', 'preparing', 'running'));

-- name: select_usage
-- Of an owner: unfinished backtests, bytes that they and unfinished sweeps may store, and bytes stored today in Seoul.
select count(*) as open,
       coalesce(sum(coalesce(c.reserved_bytes, b.reserved_bytes)), 0)::bigint + (
           select coalesce(sum(reserved_bytes / parts * (parts - parts_done)), 0)::bigint
           from sweep where owner = $1 and status in ('queued', 'running')
       ) as reserved,
       coalesce((select bytes from stored_bytes
                 where owner = $1 and day = (now() at time zone 'Asia/Seoul')::date), 0) as stored
from backtest b left join computation c on c.id = b.computation
where b.owner = $1 and b.ended is null and b.cancelled_at is null
  and (c.id is null or c.status in ('queued', 'preparing', 'running'));

-- name: lock_submissions
-- Submissions of one owner with a limit wait for each other, so that none overlooks another one.
select pg_advisory_xact_lock(hashtextextended('ondol.backtest.' || $1, 0));

-- name: record_ends
-- Record in up to $1 rows how they have ended.
with ends as (
    select b.id, case when b.cancelled_at is not null then 'cancelled' else c.status end as status
    from backtest b left join computation c on c.id = b.computation
    where b.ended is null and (b.cancelled_at is not null or c.status in ('completed', 'failed', 'cancelled'))
    limit $1 for update of b skip locked
)
update backtest set ended = ends.status from ends where backtest.id = ends.id;

-- name: select_backtest
select b.id, b.computation, b.request, b.dataset_version, b.strategy_id, b.cached, b.cancelled_at, b.created_at,
       b.origin, b.name, b.note, b.starred, b.research,
       c.status as computation_status, c.progress, c.started_at, c.finished_at, c.error, c.result_digest,
       c.engine_version
from backtest b left join computation c on c.id = b.computation
where b.id = $1 and b.owner = $2;

-- name: select_latest_id
-- The newest backtest that a user requested.
select id from backtest where owner = $1 and origin = 'user' order by id desc limit 1;

-- name: select_ids_between
-- $1 owner, $2 and $3 first and last id, $4 maximum number; the newest first.
select id from backtest where owner = $1 and id between $2 and $3 order by id desc limit $4;

-- name: annotate
-- $3, $5 and $7 say whether name ($4), note ($6) and star ($8) change.
update backtest set name = case when $3::boolean then $4 else name end,
                    note = case when $5::boolean then $6 else note end,
                    starred = case when $7::boolean then $8 else starred end
where id = $1 and owner = $2
returning id;

-- name: force_custom_plan
-- The best index depends on the owner's share of the table: no generic plan.
set local plan_cache_mode = force_custom_plan;

-- name: select_newest
-- $1 owner, $2 before this id, $3 strategy, $4 maximum number of rows that are read, $5 origin, $6 pattern of the name,
-- $7 starred.
select b.id, b.computation, b.dataset_version, b.strategy_id, b.cached, b.cancelled_at, b.created_at,
       b.origin, b.name, b.note, b.starred, b.research, b.request, c.status as computation_status, c.progress, c.started_at, c.finished_at, c.error, c.result_digest,
       c.engine_version, c.statistics
from (
    select * from backtest
    where owner = $1 and id < $2 and ($3::text is null or strategy_id = $3) and ($5::text is null or origin = $5)
      and ($6::text is null or name ilike $6) and ($7::boolean is null or starred = $7)
    order by id desc limit $4
) as b left join computation c on c.id = b.computation
order by b.id desc;

-- name: select_newest_of_status
-- As `select_newest`, of the status $8: rows whose end is recorded, and those whose state the computation has.
select b.id, b.computation, b.dataset_version, b.strategy_id, b.cached, b.cancelled_at, b.created_at,
       b.origin, b.name, b.note, b.starred, b.research, b.request, c.status as computation_status, c.progress, c.started_at,
       c.finished_at, c.error, c.result_digest, c.engine_version, c.statistics
from (
    (select * from backtest
     where owner = $1 and ended = $8 and id < $2
       and ($3::text is null or strategy_id = $3) and ($5::text is null or origin = $5)
       and ($6::text is null or name ilike $6) and ($7::boolean is null or starred = $7)
     order by id desc limit $4)
    union all
    (select u.* from backtest u left join computation s on s.id = u.computation
     where u.owner = $1 and u.ended is null and u.id < $2
       and ($3::text is null or u.strategy_id = $3) and ($5::text is null or u.origin = $5)
       and ($6::text is null or u.name ilike $6) and ($7::boolean is null or u.starred = $7)
       and case when u.cancelled_at is not null then 'cancelled' when u.computation is null then 'preparing'
                else s.status end = $8
     order by u.id desc limit $4)
) as b left join computation c on c.id = b.computation
order by b.id desc limit $4;

-- name: result
select result, result_digest from computation where id = $1 and status = 'completed';

-- name: select_statistics
select b.id, b.computation, b.request, b.dataset_version, b.strategy_id, b.cancelled_at, b.created_at,
       c.status as computation_status, c.result_digest, c.statistics
from backtest b left join computation c on c.id = b.computation
where b.owner = $1 and b.id = any($2::uuid[]);

-- name: select_finished
-- Those of the given computations that have ended.
select id, status, result_digest from computation
where id = any($1::uuid[]) and status in ('completed', 'failed', 'cancelled');

-- name: select_state
select status as computation_status, progress, error, started_at, finished_at, result_digest from computation
where id = $1;

-- name: cancel_backtest
-- Cancel a row that has not ended.
update backtest b set cancelled_at = coalesce(b.cancelled_at, now())
where b.id = $1 and b.owner = $2
  and not exists (select from computation c
                  where c.id = b.computation and c.status in ('completed', 'failed', 'cancelled'))
returning b.computation;

-- name: lock_computation
select id, status from computation where id = $1 for update;

-- name: stop_computation
-- Requires the lock of `lock_computation`, so that no row attaches between the count and the change.
update computation set status = 'cancelled', lease = lease + 1, lease_until = null, finished_at = now()
where id = $1 and status in ('queued', 'preparing', 'running')
  and not exists (select from backtest where computation = $1 and cancelled_at is null)
returning id;

-- name: assign_owner
-- The owner $2 of a computation has cancelled all its rows: it belongs to the first of those who still wait for it.
-- Requires the lock of `lock_computation`.
update computation c set owner = other.owner
from (select owner from backtest where computation = $1 and cancelled_at is null order by id limit 1) as other
where c.id = $1 and c.owner = $2 and c.status in ('queued', 'preparing', 'running')
  and not exists (select from backtest where computation = $1 and owner = $2 and cancelled_at is null);

-- name: acquire_lease
-- $1 computation, $2 seconds, $3 worker, $4 whether another worker may have started it without a lease, which then
-- counts as the first attempt, $5 start of a run of this worker that continues under the lease, $6 and $7 versions of
-- the engine and the rules of the worker: a row of others is not its own.
-- Committed asynchronously: if PostgreSQL crashes before the lease is durable, the row is queued again and may be run
-- twice with one lease number, by runs with the same bytes; the first result is stored.
update computation
set status = 'running', lease = lease + 1, worker = $3,
    attempts = attempts + case when $4::boolean and attempts = 0 then 2 else 1 end,
    lease_until = now() + make_interval(secs => $2), started_at = coalesce(started_at, $5, now())
where id = $1 and attempts < 3 and engine_version = $6 and rules_version = $7
  and (status = 'queued' or (status in ('preparing', 'running') and lease_until < now()))
returning request, dataset_version, engine_version, lease, attempts, origin, long, created_at, started_at,
          extract(epoch from (now() - created_at)) * 1000 as queue_ms,
          set_config('synchronous_commit', 'off', true) as commit_mode;

-- name: computation_exists
select true from computation where id = $1;

-- name: expire_predecessor_leases
-- $1 prefix of the worker names of earlier processes of this simulator.
update computation set lease_until = now()
where status in ('preparing', 'running') and starts_with(worker, $1)
returning id;

-- name: renew_lease
-- This and the next three are fenced by the lease of a row that is `preparing` or `running`. They exclude the other
-- statuses: otherwise the planner may scan all of `computation_open` instead of reading the row by its key.
update computation
set lease_until = now() + make_interval(secs => $3), progress = greatest(progress, $4), status = $5
where id = $1 and lease = $2 and status not in ('queued', 'completed', 'failed', 'cancelled')
returning id;

-- name: complete
-- The bytes of the result count for the day of its owner, here and in the next one.
with stored as (
    update computation
    set status = 'completed', progress = 1, result = $3, result_digest = $4, statistics = $5, finished_at = $6,
        lease_until = null, worker = null
    where id = $1 and lease = $2 and status not in ('queued', 'completed', 'failed', 'cancelled')
    returning id, owner, set_config('synchronous_commit', 'off', true) as commit_mode
), counted as (
    insert into stored_bytes as s (owner, day, bytes)
    select owner, (now() at time zone 'Asia/Seoul')::date, octet_length($3::bytea)
    from stored where starts_with(owner, 'key:')
    on conflict (owner, day) do update set bytes = s.bytes + excluded.bytes
)
select id, commit_mode from stored;

-- name: complete_optimistic
-- The result of a run without a lease: $1 computation, $2 request, $3 dataset, $4 engine and $10 rules of the run. It
-- counts as an attempt.
with stored as (
    update computation
    set status = 'completed', progress = 1, result = $5, result_digest = $6, statistics = $7, finished_at = $8,
        started_at = coalesce(started_at, $9), attempts = attempts + 1, lease = lease + 1
    where id = $1 and status not in ('preparing', 'running', 'completed', 'failed', 'cancelled')
      and request = $2 and dataset_version = $3 and engine_version = $4 and rules_version = $10
    returning id, owner, set_config('synchronous_commit', 'off', true) as commit_mode
), counted as (
    insert into stored_bytes as s (owner, day, bytes)
    select owner, (now() at time zone 'Asia/Seoul')::date, octet_length($5::bytea)
    from stored where starts_with(owner, 'key:')
    on conflict (owner, day) do update set bytes = s.bytes + excluded.bytes
)
select id, commit_mode from stored;

-- name: fail
update computation
set status = 'failed', error = $3, finished_at = now(), lease_until = null, worker = null
where id = $1 and lease = $2 and status not in ('queued', 'completed', 'failed', 'cancelled')
returning id;

-- name: lock_withdrawal
-- Withdrawals of several hosts wait for each other; the lock ends with the transaction.
select pg_advisory_xact_lock(hashtext('ondol.withdrawal'));

-- name: withdraw_results
-- Fail the computations that have completed since $1 (seconds since the epoch); $2 is the problem.
with withdrawn as (
    update computation set status = 'failed', error = $2, result = null, result_digest = null, statistics = null
    where status = 'completed' and finished_at >= to_timestamp($1)
    returning id
), ended as (
    update backtest set ended = 'failed' from withdrawn where computation = withdrawn.id and ended = 'completed'
)
select id from withdrawn;

-- name: release
-- $3 is 1 when the attempt does not count: the simulator shuts down, or chunks are missing.
update computation
set status = 'queued', attempts = greatest(attempts - $3, 0), lease = lease + 1, lease_until = null, worker = null
where id = $1 and lease = $2 and status not in ('queued', 'completed', 'failed', 'cancelled')
returning id;

-- name: try_reconcile_lock
-- One reconciler at a time; the lock ends with the transaction. Its statements use an index scan of `computation_open`,
-- which marks index entries of ended rows as dead; a bitmap scan does not.
select pg_try_advisory_xact_lock(hashtext('ondol.reconcile')) as locked,
       set_config('enable_bitmapscan', 'off', true) as by_index, set_config('enable_seqscan', 'off', true) as only;

-- name: announce_engine
-- Simulators run this version of the engine ($1) and the rules ($2).
insert into engine_version (engine, rules, seen_at) values ($1, $2, now())
on conflict (engine, rules) do update set seen_at = excluded.seen_at;

-- name: queue_left_behind
-- Backtests of open computations of versions other than $1 (engine) and $2 (rules) that no simulator has announced for
-- $3 seconds, $4 computations at once: they wait for the current dataset again, which such a version may not even read.
with left_behind as (
    select c.id, c.reserved_bytes from computation c
    where (c.status = 'queued' or (c.status in ('preparing', 'running') and c.lease_until < now()))
      and (c.engine_version, c.rules_version) <> ($1::text, $2::text)
      and c.created_at < now() - make_interval(secs => $3)
      and not exists (
          select from engine_version e
          where e.engine = c.engine_version and e.rules = c.rules_version
            and e.seen_at > now() - make_interval(secs => $3)
      )
    order by c.created_at limit $4 for update skip locked
), waiting as (
    update backtest b set computation = null, dataset_version = null, reserved_bytes = left_behind.reserved_bytes
    from left_behind where b.computation = left_behind.id and b.ended is null and b.cancelled_at is null
)
update computation c
set status = 'cancelled', lease = lease + 1, lease_until = null, worker = null, finished_at = now()
from left_behind where c.id = left_behind.id
returning c.id;

-- name: fail_exhausted
-- Fail jobs whose lease expired after three attempts (poison jobs).
update computation
set status = 'failed', error = $1, finished_at = now(), lease = lease + 1, lease_until = null, worker = null
where status in ('preparing', 'running') and lease_until < now() and attempts >= 3
returning id;

-- name: select_unannounced
-- Rows that have been queued for longer than $1 seconds, and rows whose lease has expired.
select id, long, status <> 'queued' as abandoned from computation
where (status = 'queued' and created_at < now() - make_interval(secs => $1))
   or (status in ('preparing', 'running') and lease_until < now())
order by created_at limit $2;

-- name: purge_unshared
-- Results of no-store requests are retained for a day.
with old as (
    select id from computation
    where not shared and created_at < now() - interval '1 day' and status in ('completed', 'failed', 'cancelled')
    limit 200
), rows as (
    delete from backtest using old where computation = old.id returning backtest.id
)
delete from computation using old where computation.id = old.id and (select count(*) from rows) >= 0;

-- name: queue_depth
select count(*) filter (where status = 'queued') as queued,
       count(*) filter (where status in ('preparing', 'running')) as running,
       coalesce(max(extract(epoch from (now() - created_at))) filter (where status = 'queued'), 0)::float8 as oldest_s
from computation where status in ('queued', 'preparing', 'running');

-- name: has_data
select exists (select from data_revision) as has_data;
