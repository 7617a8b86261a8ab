-- Keys and the strategies of users.

-- name: key_add
insert into api_key (id, name, hash, rate_limit, concurrency) values ($1, $2, $3, $4, $5);

-- name: key_find
select id, name, rate_limit, concurrency from api_key where hash = $1 and revoked_at is null;

-- name: key_list
select id, name, rate_limit, concurrency, created_at, revoked_at from api_key order by created_at;

-- name: key_revoke
update api_key set revoked_at = now() where id = $1 and revoked_at is null returning id;

-- name: key_count
select count(*) as keys from api_key where revoked_at is null;

-- name: strategies
select id, name, summary, tags, strategy, costs, created_at, updated_at from own_strategy where owner = $1 order by id;

-- name: strategies_page
-- $1 owner, $2 after this id, $3 how many.
select id, name, summary, tags, strategy, costs, created_at, updated_at from own_strategy
where owner = $1 and ($2::text is null or id > $2) order by id limit $3;

-- name: strategy
select id, name, summary, tags, strategy, costs, created_at, updated_at from own_strategy where owner = $1 and id = $2;

-- name: strategy_count
select count(*) as strategies from own_strategy where owner = $1;

-- name: strategy_add
insert into own_strategy (owner, id, name, summary, tags, strategy, costs) values ($1, $2, $3, $4, $5, $6, $7)
on conflict do nothing
returning id, name, summary, tags, strategy, costs, created_at, updated_at;

-- name: strategy_change
update own_strategy set name = $3, summary = $4, tags = $5, strategy = $6, costs = $7, updated_at = now()
where owner = $1 and id = $2
returning id, name, summary, tags, strategy, costs, created_at, updated_at;

-- name: strategy_remove
delete from own_strategy where owner = $1 and id = $2 returning id;
