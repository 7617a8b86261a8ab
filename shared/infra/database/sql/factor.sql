-- The factors of users.

-- name: select_own_factors
-- The newest version of each factor of an owner.
select distinct on (key) key, version, expression, canonical, uses, unit, summary, created_at
from user_factor where owner = $1 and deleted_at is null order by key, version desc;

-- name: select_own_factor
-- Every version of a factor, the newest first.
select key, version, expression, canonical, uses, unit, summary, created_at
from user_factor where owner = $1 and key = $2 and deleted_at is null order by version desc;

-- name: lock_own_factors
select pg_advisory_xact_lock(hashtextextended('user_factor ' || $1, 0));

-- name: measure_own_factors
-- Bytes of every version of the factors of an owner.
select coalesce(sum(octet_length(expression) + octet_length(canonical) + octet_length(summary)), 0)::bigint as bytes
from user_factor where owner = $1 and deleted_at is null;

-- name: next_factor_version
-- Versions go on after a deletion, so that a number never means two definitions.
select coalesce(max(version), 0) + 1 from user_factor where owner = $1 and key = $2;

-- name: insert_own_factor
insert into user_factor (owner, key, version, expression, canonical, uses, unit, summary)
values ($1, $2, $3, $4, $5, $6, $7, $8)
returning key, version, expression, canonical, uses, unit, summary, created_at;

-- name: delete_own_factor
update user_factor set deleted_at = now() where owner = $1 and key = $2 and deleted_at is null returning version;
