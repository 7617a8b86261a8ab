-- API keys, and the strategies of users.

-- name: insert_key
insert into api_key (id, name, hash, rate_limit, concurrency, role, expires_at, daily_bytes)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (hash) do nothing returning id;

-- name: select_key_of_hash
select id, name, role, revoked_at from api_key where hash = $1;

-- name: replace_key
-- The key of a service: each start makes another one.
insert into api_key (id, name, hash, rate_limit, concurrency, daily_bytes) values ($1, $2, $3, 0, 0, 0)
on conflict (id) do update set hash = excluded.hash, daily_bytes = excluded.daily_bytes, changed_at = clock_timestamp(), revoked_at = null;

-- name: select_changed_keys
-- $1: only keys that were changed after it; null: all valid ones.
select id, hash, role, rate_limit, concurrency, daily_bytes, expires_at, revoked_at, changed_at from api_key
where case when $1::timestamptz is null then revoked_at is null else changed_at > $1 end;

-- name: record_key_use
update api_key set last_used_at = greatest(last_used_at, used.at)
from unnest($1::text[], $2::timestamptz[]) as used (id, at) where api_key.id = used.id;

-- name: select_keys
select id, name, role, rate_limit, concurrency, daily_bytes, created_at, expires_at, last_used_at, revoked_at,
       coalesce((select bytes from stored_bytes where owner = 'key:' || id
                 and day = (now() at time zone 'Asia/Seoul')::date), 0) as stored_today
from api_key order by created_at, id;

-- name: change_key
-- Each value is set where its flag is true: $2 role $3, $4 rate limit $5, $6 concurrency $7, $8 expiry $9,
-- $10 bytes a day $11.
update api_key set
    role = case when $2 then $3 else role end,
    rate_limit = case when $4 then $5::real else rate_limit end,
    concurrency = case when $6 then $7::integer else concurrency end,
    expires_at = case when $8 then $9::timestamptz else expires_at end,
    daily_bytes = case when $10 then $11::bigint else daily_bytes end,
    changed_at = clock_timestamp()
where id = $1 and revoked_at is null returning id;

-- name: revoke_key
update api_key set revoked_at = now(), changed_at = clock_timestamp() where id = $1 and revoked_at is null returning id;

-- name: count_keys
-- Keys of people and programs; that of the embedded warmer is none.
select count(*) as keys from api_key
where revoked_at is null and (expires_at is null or expires_at > now()) and id <> 'key_warmer';

-- name: select_strategies
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy where owner = $1 order by id;

-- name: select_strategy_page
-- $1 owner, $2 after this id, $3 limit.
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy
where owner = $1 and ($2::text is null or id > $2) order by id limit $3;

-- name: select_strategy
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy where owner = $1 and id = $2;

-- name: select_strategy_ids
select id from user_strategy where owner = $1 order by id;

-- name: lock_strategies
-- Writers of one owner wait for each other, so that its limits are exact.
select pg_advisory_xact_lock(hashtextextended('user_strategy ' || $1, 0));

-- name: measure_strategies
-- What an owner stores beside the strategy $2.
select count(*) as strategies,
       coalesce(sum(octet_length(name) + octet_length(summary) + octet_length(tags) + octet_length(strategy)
                    + octet_length(costs)), 0)::bigint as bytes
from user_strategy where owner = $1 and id <> $2;

-- name: insert_strategy
insert into user_strategy (owner, id, name, summary, tags, strategy, costs) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing
returning id, name, summary, tags, strategy, costs, created_at, updated_at;

-- name: update_strategy
update user_strategy set name = $3, summary = $4, tags = $5, strategy = $6, costs = $7, updated_at = now()
where owner = $1 and id = $2
returning id, name, summary, tags, strategy, costs, created_at, updated_at;

-- name: delete_strategy
delete from user_strategy where owner = $1 and id = $2 returning id;
