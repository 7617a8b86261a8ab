-- Statements of the API and the simulators on `sweep`, `sweep_part` and `sweep_variant`.

-- name: insert_sweep
-- $1 id, $2 owner, $3 kind, $4 research line, $5 plan, $6 method, $7 digest, $8 dataset, $9 engine, $10 rules,
-- $11 sequential, $12 variants, $13 first numbers of the parts, $14 their variants, $15 cost, $16 created at,
-- $17 idempotency key, $18 bytes that its parts may have.
with made as (
    insert into sweep (id, owner, kind, research, plan, method, digest, dataset_version, engine_version, rules_version,
                       sequential, variants, parts, cost, created_at, idempotency_key, reserved_bytes)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, cardinality($13::integer[]), $15, $16, $17, $18)
    returning id
)
insert into sweep_part (sweep, part, first, count)
select made.id, part - 1, first, count
from made, unnest($13::integer[], $14::integer[]) with ordinality as parts (first, count, part);

-- name: select_idempotent_sweep
-- A key is valid for 24 hours.
select * from sweep where owner = $1 and idempotency_key = $2 and created_at > now() - interval '24 hours';

-- name: expire_sweep_idempotency_key
update sweep set idempotency_key = null
where owner = $1 and idempotency_key = $2 and created_at <= now() - interval '24 hours';

-- name: lock_owner
-- Submissions of one owner wait for each other, so that none overlooks the cost of another.
select pg_advisory_xact_lock(hashtextextended('ondol.sweep.' || $1, 0));

-- name: open_cost
select coalesce(sum(cost), 0)::bigint from sweep where owner = $1 and status in ('queued', 'running');

-- name: select_sweep
-- $3 kind: sweep, walk_forward.
select * from sweep where id = $1 and owner = $2 and kind = $3;

-- name: select_sweeps
-- $1 owner, $2 before this id, $3 status, $4 research line, $5 maximum number, $6 kind; the newest first.
select * from sweep
where owner = $1 and kind = $6 and id < $2 and ($3::text is null or status = $3) and ($4::text is null or research = $4)
order by id desc limit $5;

-- name: select_part_ends
-- Parts that ended after the $2-th end of the sweep.
select part, first, count, ended, failed, best from sweep_part
where sweep = $1 and ended > $2 order by ended limit $3;

-- name: select_new_parts
-- The data of the parts that ended after the $2-th end of the sweep; $3 at once.
select part, first, ended, data from sweep_part
where sweep = $1 and ended > $2 order by ended limit $3;

-- name: select_parts_data
-- $2 first part, $3 number of parts.
select part, first, data from sweep_part
where sweep = $1 and part >= $2 and part < $2 + $3 and ended is not null order by part;

-- name: select_part_of_variant
-- The ended part that has variant $2.
select first, data from sweep_part
where sweep = $1 and first <= $2 and $2 < first + count and ended is not null;

-- name: select_run_parts
-- The parts of a walk-forward whose first numbers are from $2 to before $3, in order; $4 at once, after the part $5.
select part, first, ended, data from sweep_part
where sweep = $1 and first >= $2 and first < $3 and part > $5 and ended is not null and count > 0
order by part limit $4;

-- name: select_last_part
-- The last part of a walk-forward, once it has ended.
select data from sweep_part where sweep = $1 and count = 0 and ended is not null;

-- name: cancel_sweep
update sweep set status = 'cancelled', finished_at = now()
where id = $1 and owner = $2 and status in ('queued', 'running')
returning id;

-- name: open_holdout
-- Write once that the holdout is opened.
update sweep set holdout_opened_at = now(), holdout_variant = $3
where id = $1 and owner = $2 and holdout_opened_at is null and status = 'completed'
returning holdout_opened_at;

-- name: set_holdout_backtest
update sweep set holdout_backtest = $2 where id = $1;

-- name: select_variant_backtest
select backtest from sweep_variant v
where sweep = $1 and variant = $2 and exists (select from backtest b where b.id = v.backtest);

-- name: insert_variant_backtest
insert into sweep_variant (sweep, variant, backtest) values ($1, $2, $3)
on conflict (sweep, variant) do update set backtest = excluded.backtest;

-- name: select_open
-- Unfinished sweeps with a part that can be started: by the share of their owner (see `queue.sql`), then those with the
-- fewest running parts, then the oldest. The last part of a walk-forward reads all others. Sweeps of another version than
-- $1 (engine) and $2 (rules) are left to its simulators while there are some.
select s.id from sweep s left join queue_share q on q.owner = s.owner and q.origin = 'sweep'
where s.status in ('queued', 'running')
  and ((s.engine_version = $1 and s.rules_version = $2) or not exists (
      select from engine_version e
      where e.engine = s.engine_version and e.rules = s.rules_version and e.seen_at > now() - interval '10 seconds'
  ))
  and exists (
      select from sweep_part p
      where p.sweep = s.id and p.attempts < 10
        and (p.status = 'queued' or (p.status = 'running' and p.lease_until < now()))
        and (not s.sequential or p.part = s.parts_done)
        and (s.kind = 'sweep' or p.part < s.parts - 1 or s.parts_done = s.parts - 1)
  )
order by coalesce(q.finish, 0),
         (select count(*) from sweep_part r where r.sweep = s.id and r.status = 'running' and r.lease_until >= now()),
         s.created_at
limit 20;

-- name: acquire_part
-- $1 sweep, $2 seconds, $3 worker: the first part that can be started; no row when others have them all.
with chosen as (
    select p.sweep, p.part from sweep_part p join sweep s on s.id = p.sweep
    where p.sweep = $1 and s.status in ('queued', 'running') and p.attempts < 10
      and (p.status = 'queued' or (p.status = 'running' and p.lease_until < now()))
      and (not s.sequential or p.part = s.parts_done)
      and (s.kind = 'sweep' or p.part < s.parts - 1 or s.parts_done = s.parts - 1)
    order by p.part limit 1 for update of p skip locked
), started as (
    update sweep set status = 'running', started_at = coalesce(started_at, now())
    where id = (select sweep from chosen) and status = 'queued'
), charged as (
    insert into queue_share as q (owner, origin, started, finish)
    select s.owner, 'sweep', v.now, v.now + s.cost::float8 * c.count / greatest(s.variants, 1)
    from chosen join sweep s on s.id = chosen.sweep join sweep_part c on c.sweep = chosen.sweep and c.part = chosen.part,
         (select coalesce(max(started), 0) as now from queue_share where origin = 'sweep') as v
    on conflict (owner, origin) do update
    set started = greatest(q.finish, excluded.started),
        finish = greatest(q.finish, excluded.started) + (excluded.finish - excluded.started)
)
update sweep_part p
set status = 'running', attempts = p.attempts + 1, lease = p.lease + 1, worker = $3,
    lease_until = now() + make_interval(secs => $2)
from chosen where p.sweep = chosen.sweep and p.part = chosen.part
returning p.sweep, p.part, p.first, p.count, p.lease, p.attempts,
          (select withdrawals from sweep s where s.id = p.sweep) as withdrawals,
          (select extract(epoch from now() - s.created_at)::float8 from sweep s
           where s.id = p.sweep and s.status = 'queued' and s.withdrawals = 0) as wait_s;

-- name: select_plan
select kind, plan, dataset_version, engine_version, rules_version, owner, research, status from sweep where id = $1;

-- name: renew_part
-- $1 sweep, $2 part, $3 lease, $4 seconds; no row when the lease was lost or the sweep has ended.
update sweep_part p set lease_until = now() + make_interval(secs => $4)
where p.sweep = $1 and p.part = $2 and p.lease = $3 and p.status = 'running'
  and exists (select from sweep s where s.id = p.sweep and s.status in ('queued', 'running'))
returning p.part;

-- name: end_part
-- $1 sweep, $2 part, $3 lease, $4 status, $5 variants, $6 failed variants, $7 best variants, $8 data.
-- The part is locked before its sweep, and its lease is checked under the lock: a worker whose lease was lost changes
-- nothing. Parts of a sweep end one after another; `ended` numbers them. The bytes count for the day of the owner.
with mine as (
    select sweep, part from sweep_part where sweep = $1 and part = $2 and lease = $3 and status = 'running' for update
), total as (
    update sweep s
    set parts_done = s.parts_done + 1, done = s.done + $5, failed = s.failed + $6,
        status = case when s.parts_done + 1 < s.parts then 'running'
                      when s.kind = 'walk_forward' and $4 = 'failed' then 'failed' else 'completed' end,
        variants = case when s.sequential and s.parts_done + 1 = s.parts then s.done + $5 else s.variants end,
        finished_at = case when s.parts_done + 1 = s.parts then now() end
    from mine where s.id = mine.sweep and s.status in ('queued', 'running')
    returning s.id, s.owner, s.parts_done, s.parts, s.status, s.done, s.failed
), counted as (
    insert into stored_bytes as s (owner, day, bytes)
    select owner, (now() at time zone 'Asia/Seoul')::date, octet_length($8::bytea)
    from total where starts_with(owner, 'key:')
    on conflict (owner, day) do update set bytes = s.bytes + excluded.bytes
)
update sweep_part p
set status = $4, ended = total.parts_done, ended_at = now(), failed = $6, best = $7, data = $8, lease_until = null,
    worker = null
from total where p.sweep = $1 and p.part = $2
returning total.parts_done, total.parts, total.status, total.done, total.failed;

-- name: release_part
-- $4 is 1 when the attempt does not count.
update sweep_part
set status = 'queued', attempts = greatest(attempts - $4, 0), lease = lease + 1, lease_until = null, worker = null
where sweep = $1 and part = $2 and lease = $3 and status = 'running'
returning part;

-- name: acquire_exhausted
-- A part that ended its simulators ten times; it is leased once more, to be ended without a run.
update sweep_part p
set status = 'running', lease = p.lease + 1, worker = $1, lease_until = now() + make_interval(secs => $2)
where (p.sweep, p.part) in (
    select q.sweep, q.part from sweep_part q join sweep s on s.id = q.sweep
    where s.status in ('queued', 'running') and q.attempts >= 10
      and (q.status = 'queued' or (q.status = 'running' and q.lease_until < now()))
    limit 1 for update of q skip locked
)
returning p.sweep, p.part, p.first, p.count, p.lease, p.attempts,
          (select withdrawals from sweep s where s.id = p.sweep) as withdrawals;

-- name: expire_part_leases
-- $1 prefix of the worker names of earlier processes of this simulator.
update sweep_part p set lease_until = now()
where p.status = 'running' and starts_with(p.worker, $1)
  and p.sweep in (select id from sweep where status in ('queued', 'running'))
returning p.part;

-- name: withdraw_sweeps
-- All parts of sweeps and walk-forwards with a part that ended since $1 (seconds since the epoch) begin anew; those of
-- cancelled ones are deleted. Parts are locked before their sweep, as when they end.
with damaged as materialized (
    select s.id from sweep s
    where (s.finished_at is null or s.finished_at >= to_timestamp($1))
      and exists (select from sweep_part p where p.sweep = s.id and p.ended_at >= to_timestamp($1))
), emptied as (
    update sweep_part p
    set status = 'queued', attempts = 0, lease = p.lease + 1, lease_until = null, worker = null, ended = null,
        ended_at = null, failed = null, best = null, data = null
    from damaged where p.sweep = damaged.id
    returning p.sweep
), variants as (
    delete from sweep_variant v using damaged where v.sweep = damaged.id
)
update sweep s
set status = case when s.status = 'cancelled' then s.status else 'queued' end,
    finished_at = case when s.status = 'cancelled' then s.finished_at end,
    parts_done = 0, done = 0, failed = 0, withdrawals = s.withdrawals + 1
where s.id in (select sweep from emptied)
returning s.id, s.status;

-- name: sweep_backlog
select count(*) as sweeps, coalesce(sum(variants - done), 0)::bigint as variants from sweep
where status in ('queued', 'running');

-- name: purge_sweeps
-- Delete ended sweeps that finished more than $2 days before $1; $3 at once.
with old as (
    select id from sweep
    where finished_at < $1::timestamptz - make_interval(days => $2) order by finished_at limit $3
    for update skip locked
)
delete from sweep using old where sweep.id = old.id returning sweep.id;
