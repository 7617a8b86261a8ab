-- Statements of `ondol backup` and `ondol restore`.

-- name: columns
-- Columns of the tables of the schema in their order, with the position of each in the primary key.
select c.relname as table, a.attname as column, array_position(i.indkey::smallint[], a.attnum) as key_position
from pg_class c
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
left join pg_index i on i.indrelid = c.oid and i.indisprimary
where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r'
order by c.relname, a.attnum;

-- name: sequences
select sequencename as name from pg_sequences where schemaname = current_schema() order by sequencename;

-- name: views
select viewname as name from pg_views where schemaname = current_schema();

-- name: connected_services
-- Pools of services name themselves.
select distinct substring(application_name from '^ondol-(api|preparer|simulator|warmer)-') as service
from pg_stat_activity
where datname = current_database() and application_name ~ '^ondol-(api|preparer|simulator|warmer)-'
order by service;

-- name: set_sequence
select setval(format('%I', $1::text)::regclass, $2, $3);

-- name: queue_open_backtests
-- The dataset of unfinished backtests is built again, possibly of a newer revision: they wait for it as new ones do.
with open as (
    select id from computation where status in ('queued', 'preparing', 'running')
)
update backtest set computation = null, dataset_version = null from open where computation = open.id;

-- name: delete_open_computations
delete from computation where status in ('queued', 'preparing', 'running');

-- name: cancel_other_sweeps
-- Parts of a sweep are computed on one dataset version; only that of the backup is built again.
update sweep set status = 'cancelled', finished_at = now()
where status in ('queued', 'running') and dataset_version is distinct from $1
returning id;
