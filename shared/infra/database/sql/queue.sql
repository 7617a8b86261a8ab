-- Statements that decide which work runs next. A queue is an owner and an origin; it has a virtual time, which advances
-- by cost / weight when its work starts, and the queue with the earliest one is next (start-time fair queuing).

-- name: acquire_next
-- $1 whether long work is wanted, $2 computation that is preferred within its queue, $3 computations that run already,
-- $4 seconds of the lease, $5 worker, $6 and $7 versions of its engine and rules: work of others is left to them.
-- Leases a queued computation, or with $1 takes an analysis, of the queue that is next; no row when none waits. The
-- recursion reads one row of each queue. Committed asynchronously, as `acquire_lease`.
with recursive computing as (
    (select owner, origin from computation
     where status = 'queued' and long = $1 and engine_version = $6 and rules_version = $7
     order by owner, origin limit 1)
    union all
    select next.owner, next.origin
    from computing cross join lateral (
        select c.owner, c.origin from computation c
        where c.status = 'queued' and c.long = $1 and (c.owner, c.origin) > (computing.owner, computing.origin)
          and c.engine_version = $6 and c.rules_version = $7
        order by c.owner, c.origin limit 1
    ) as next
), waiting as (
    select owner, origin from computing
    union
    select w.owner, c.origin from computation_waiter w join computation c on c.id = w.computation
    where c.status = 'queued' and c.long = $1 and c.engine_version = $6 and c.rules_version = $7
    union
    select owner, 'user' from analysis
    where $1 and deadline > now() and (lease_until is null or lease_until < now())
), ranked as materialized (
    select w.owner, w.origin, coalesce(s.finish, 0) as finish
    from waiting w left join queue_share s on s.owner = w.owner and s.origin = w.origin
    order by coalesce(s.finish, 0), w.owner, w.origin
    limit 8
), picked as materialized (
    select ranked.owner, ranked.origin, ranked.finish, work.computation, work.analysis, work.cost
    from ranked cross join lateral (
        select * from (
            select * from (
                select c.id as computation, null::uuid as analysis, c.cost, c.created_at, true as preferred
                from computation c
                where c.id = $2 and c.status = 'queued' and c.long = $1 and c.attempts < 3 and c.engine_version = $6 and c.rules_version = $7
                  and c.owner = ranked.owner and c.origin = ranked.origin
                for update skip locked) as preferred
            union all
            select * from (
                select c.id, null::uuid, c.cost, c.created_at, false from computation c
                where c.status = 'queued' and c.long = $1 and c.owner = ranked.owner and c.origin = ranked.origin
                  and c.attempts < 3 and c.engine_version = $6 and c.rules_version = $7 and c.id <> all ($3::uuid[])
                order by c.created_at limit 1 for update skip locked) as own
            union all
            select * from (
                select c.id, null::uuid, c.cost, w.created_at, false
                from computation_waiter w join computation c on c.id = w.computation
                where w.owner = ranked.owner and c.status = 'queued' and c.long = $1 and c.origin = ranked.origin
                  and c.attempts < 3 and c.engine_version = $6 and c.rules_version = $7 and c.id <> all ($3::uuid[])
                order by w.created_at limit 1 for update of c skip locked) as joined
            union all
            select * from (
                select null::uuid, a.id, a.cost, a.created_at, false from analysis a
                where $1 and ranked.origin = 'user' and a.owner = ranked.owner and a.deadline > now()
                  and (a.lease_until is null or a.lease_until < now())
                order by a.created_at limit 1 for update skip locked) as asked
        ) as found
        order by preferred desc, created_at limit 1
    ) as work
    limit 1
), leased as (
    update computation c
    set status = 'running', lease = c.lease + 1, worker = $5, attempts = c.attempts + 1,
        lease_until = now() + make_interval(secs => $4), started_at = coalesce(c.started_at, now())
    from picked where c.id = picked.computation
    returning c.id, c.request, c.dataset_version, c.lease, c.attempts, c.origin, c.started_at,
              (extract(epoch from (now() - c.created_at)) * 1000)::float8 as queue_ms
), taken as (
    update analysis a
    set lease = a.lease + 1, worker = $5, lease_until = now() + make_interval(secs => $4)
    from picked where a.id = picked.analysis
    returning a.id, a.query, a.kind, a.payload, a.lease, extract(epoch from a.deadline)::float8 as deadline
), charged as (
    insert into queue_share as s (owner, origin, started, finish)
    select p.owner, p.origin, greatest(p.finish, v.now), greatest(p.finish, v.now) + (p.cost + 5000000) / weight.of_origin
    from picked p,
         (select coalesce(max(started), 0) as now from queue_share where origin <> 'sweep') as v,
         lateral (select case when p.origin in ('user', 'preview') then 1.0 else 0.05 end::float8 as of_origin) as weight
    on conflict (owner, origin) do update
    set started = greatest(s.finish, excluded.started),
        finish = greatest(s.finish, excluded.started) + (excluded.finish - excluded.started)
)
select leased.*, taken.id as analysis, taken.query, taken.kind, taken.payload, taken.lease as analysis_lease, taken.deadline,
       set_config('synchronous_commit', 'off', true) as commit_mode
from picked left join leased on true left join taken on true;

-- name: charge_shares
-- $1 owners, $2 nanoseconds that the api and short queries have computed for each. They advance the time of the owner's
-- queue as work that began. While other work waits, they do not advance the time at which idle queues begin.
with idle as (
    select not exists (select from computation where status = 'queued')
       and not exists (select from analysis where deadline > now() and (lease_until is null or lease_until < now())) as yes
), v as (
    select coalesce(max(started), 0) as now from queue_share where origin <> 'sweep'
)
insert into queue_share as s (owner, origin, started, finish)
select c.owner, 'user', v.now, v.now + c.spent
from unnest($1::text[], $2::bigint[]) as c (owner, spent), v
on conflict (owner, origin) do update
set started = case when (select yes from idle) then greatest(s.finish, excluded.started) else s.started end,
    finish = greatest(s.finish, excluded.started) + (excluded.finish - excluded.started);

-- name: insert_analysis
-- $1 id, $2 name of the answer, $3 owner, $4 cost, $5 kind, $6 payload, $7 seconds until the deadline.
insert into analysis (id, query, owner, cost, kind, payload, deadline)
values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7));

-- name: delete_analysis
delete from analysis where id = $1;

-- name: renew_analysis
update analysis set lease_until = now() + make_interval(secs => $3) where id = $1 and lease = $2 returning id;

-- name: release_analysis
update analysis set lease_until = null, worker = null where id = $1 and lease = $2;

-- name: waiting_analyses
-- Analyses that wait longer than $1 seconds, and those whose lease has expired; those past their deadline are deleted.
with expired as (delete from analysis where deadline < now())
select count(*) from analysis
where deadline > now() and (lease_until < now() or (lease_until is null and created_at < now() - make_interval(secs => $1)));

-- name: delete_waiters
-- Those of computations that wait no more.
delete from computation_waiter w using computation c where c.id = w.computation and c.status <> 'queued';

-- name: expire_predecessor_analyses
-- $1 prefix of the worker names of earlier processes of this simulator.
update analysis set lease_until = now() where lease_until > now() and starts_with(worker, $1) returning id;
