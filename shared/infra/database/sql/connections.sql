-- Statements on who is connected.

-- name: connection_usage
-- `room`: connections that ordinary roles may have; `taken`: what is there, and what pools may still open by their names.
with seen as (
    select application_name, count(*) as there,
           coalesce(substring(application_name from '^ondol-.+-(\d{1,4})-[0-9a-f]{8}$')::integer, 0) as most
    from pg_stat_activity
    where pid is not null and (backend_type is null or backend_type = 'client backend')
    group by application_name
)
select current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer
           - coalesce(current_setting('reserved_connections', true)::integer, 0) as room,
       coalesce(sum(greatest(there, most)), 0)::integer as taken, count(*) filter (where most > 0)::integer as pools
from seen;
