-- Connections of all processes.

-- name: connection_usage
-- `available`: connections of ordinary roles; `reserved`: open ones and those that pools may still open by their names.
with seen as (
    select application_name, count(*) as open,
           coalesce(substring(application_name from '^ondol-.+-(\d{1,4})-[0-9a-f]{8}$')::integer, 0) as max_size
    from pg_stat_activity
    where pid is not null and (backend_type is null or backend_type = 'client backend')
    group by application_name
)
select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
           - coalesce(current_setting('reserved_connections', true)::integer, 0) as available,
       coalesce(sum(greatest(open, max_size)), 0)::integer as reserved, count(*) filter (where max_size > 0)::integer as pools
from seen;
