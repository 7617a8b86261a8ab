-- API keys, and the strategies of users.

-- name: insert_key
insert into api_key (id, name, hash, rate_limit, concurrency) values ($1, $2, $3, $4, $5);

-- name: find_key
select id, name, rate_limit, concurrency from api_key where hash = $1 and revoked_at is null;

-- name: select_keys
select id, name, rate_limit, concurrency, created_at, revoked_at from api_key order by created_at;

-- name: revoke_key
update api_key set revoked_at = now() where id = $1 and revoked_at is null returning id;

-- name: count_keys
select count(*) as keys from api_key where revoked_at is null;

-- name: select_strategies
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy where owner = $1 order by id;

-- name: select_strategy_page
-- $1 owner, $2 after this id, $3 limit.
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy
where owner = $1 and ($2::text is null or id > $2) order by id limit $3;

-- name: select_strategy
select id, name, summary, tags, strategy, costs, created_at, updated_at from user_strategy where owner = $1 and id = $2;

-- name: count_strategies
select count(*) as strategies from user_strategy where owner = $1;

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
