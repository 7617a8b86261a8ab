"""Rows of an owner with many backtests."""

from __future__ import annotations

MANY_BACKTESTS = """
with made as (
    insert into computation (id, request_digest, dataset_version, engine_version, rules_version, shared, request,
                             status, attempts, lease, lease_until, owner, finished_at)
    select lpad(to_hex(i), 32, '0')::uuid, i::text, 'd', 'e', 'r', false, $3::text,
           case when i % 1009 = 0 then 'failed' when i % 4999 = 1 then 'queued' when i % 4999 = 2 then 'running'
                else 'completed' end,
           1, 1, now() + interval '1 hour', $1, now()
    from generate_series(1, $2::integer) as i
    returning id
)
insert into backtest (id, owner, computation, request, request_digest, strategy_id, origin, name, starred, cancelled_at)
select lpad(to_hex(i), 32, '0')::uuid, $1,
       case when i % 5003 = 3 then null else lpad(to_hex(i), 32, '0')::uuid end, $3, i::text,
       case when i % 997 = 0 then 'rare' end, case when i % 1013 = 0 then 'verify' else 'user' end,
       case when i % 2003 = 0 then 'one of few' end, i % 1999 = 0, case when i % 1511 = 4 then now() end
from generate_series(1, $2::integer) as i
where (select count(*) from made) > 0
"""
"""$1 owner, $2 number, $3 request: nearly all are completed; some failed, cancelled, open and without a dataset."""
