-- name: lock
select pg_advisory_lock(7316510001);

-- name: create
create table if not exists migration (
    name        text primary key,
    applied_at  timestamptz not null default now()
);

-- name: done
select name from migration order by name;

-- name: note
insert into migration (name) values ($1);
