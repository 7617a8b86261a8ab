-- Deletion of expired results (services/warmer/retention.py).

-- name: purge
-- $1 now, $2 retention days of results without a user's backtest (null: unlimited), $3 those of users' results (null:
-- unlimited), $4 and $5 finish and id of the last computation that was examined, $6 how many to examine.
-- A starred backtest stays; a cancelled one does not count as a user's; one that the ledger still lacks stays. Results on the current dataset stay: they can be requested at any
-- moment. A computation that a new backtest refers to is locked, and stays.
with examined as materialized (
    select id, finished_at from computation
    where finished_at < $1::timestamptz - make_interval(days => least($2::integer, $3::integer))
      and (finished_at, id) > ($4::timestamptz, $5::uuid)
    order by finished_at, id limit $6
), old as materialized (
    select c.id from computation c join examined using (id)
    where c.status in ('completed', 'failed', 'cancelled')
      and c.dataset_version is distinct from (select version from dataset_current)
      and not exists (select from backtest b where b.computation = c.id and b.research is not null and not b.in_ledger)
      and not exists (
          select from backtest b
          where b.computation = c.id
            and (b.starred or coalesce(greatest(b.created_at, c.finished_at) >= $1 - make_interval(
                    days => case when b.origin = 'user' and b.cancelled_at is null then $3::integer else $2::integer end
                ), true))
      )
      and (
          exists (select from backtest b where b.computation = c.id)
          or coalesce(c.finished_at < $1 - make_interval(days => $2::integer), false)
      )
    for update of c skip locked
), rows as (
    delete from backtest using old where computation = old.id returning backtest.id
), deleted as (
    delete from computation using old
    where computation.id = old.id and (select count(*) from rows) >= 0
    returning octet_length(computation.result) as bytes
)
select (select count(*) from examined) as examined, (select count(*) from deleted) as computations,
       (select count(*) from rows) as rows, (select coalesce(sum(bytes), 0)::bigint from deleted) as bytes,
       last.finished_at, last.id
from (select 1) as one left join lateral (
    select finished_at, id from examined order by finished_at desc, id desc limit 1
) as last on true;

-- name: purge_stored_bytes
-- What was stored on days that no limit reads any more.
delete from stored_bytes where day < (now() at time zone 'Asia/Seoul')::date - 31;
