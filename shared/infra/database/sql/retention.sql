-- Statements that forget results (services/warmer/retention.py).

-- name: purge
-- $1 now, $2 days of results without a user's row (null: for ever), $3 days of users' results (null: for ever),
-- $4 and $5 finish and id of the last computation that was looked at, $6 how many to look at.
-- A row counts as a user's unless the user has cancelled it. Results on the current dataset stay: they may be asked for
-- again at any moment. What somebody attaches to right now is locked, and stays.
with looked as materialized (
    select id, finished_at from computation
    where finished_at < $1::timestamptz - make_interval(days => least($2::integer, $3::integer))
      and (finished_at, id) > ($4::timestamptz, $5::uuid)
    order by finished_at, id limit $6
), old as materialized (
    select c.id from computation c join looked using (id)
    where c.status in ('completed', 'failed', 'cancelled')
      and c.dataset_version is distinct from (select version from dataset_current)
      and not exists (
          select from backtest b
          where b.computation = c.id
            and coalesce(greatest(b.created_at, c.finished_at) >= $1 - make_interval(
                    days => case when b.origin = 'user' and b.cancelled_at is null then $3::integer else $2::integer end
                ), true)
      )
      and (
          exists (select from backtest b where b.computation = c.id)
          or coalesce(c.finished_at < $1 - make_interval(days => $2::integer), false)
      )
    for update of c skip locked
), rows as (
    delete from backtest using old where computation = old.id returning backtest.id
), gone as (
    delete from computation using old
    where computation.id = old.id and (select count(*) from rows) >= 0
    returning octet_length(computation.result) as bytes
)
select (select count(*) from looked) as looked, (select count(*) from gone) as computations,
       (select count(*) from rows) as rows, (select coalesce(sum(bytes), 0)::bigint from gone) as bytes,
       last.finished_at, last.id
from (select 1) as one left join lateral (
    select finished_at, id from looked order by finished_at desc, id desc limit 1
) as last on true;
