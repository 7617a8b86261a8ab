-- Sweeps: one strategy at many points, computed in parts that simulators lease.

create table sweep (
    id uuid primary key,
    owner text not null,
    research text,
    plan text not null,
    method text not null,
    digest text not null,
    dataset_version text not null,
    engine_version text not null,
    rules_version text not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'cancelled')),
    sequential boolean not null,
    variants integer not null,
    parts integer not null,
    parts_done integer not null default 0,
    done integer not null default 0,
    failed integer not null default 0,
    cost bigint not null,
    created_at timestamptz not null,
    started_at timestamptz,
    finished_at timestamptz,
    idempotency_key text,
    holdout_opened_at timestamptz,
    holdout_variant integer,
    holdout_backtest uuid
);
create index sweep_of_owner on sweep (owner, id desc);
create unique index sweep_idempotency on sweep (owner, idempotency_key) where idempotency_key is not null;
create index sweep_open on sweep (created_at) where status in ('queued', 'running');
create index sweep_finished on sweep (finished_at) where finished_at is not null;

create table sweep_part (
    sweep uuid not null references sweep (id) on delete cascade,
    part integer not null,
    first integer not null,
    count integer not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'failed')),
    attempts smallint not null default 0,
    lease integer not null default 0,
    lease_until timestamptz,
    worker text,
    ended integer,
    failed integer,
    best text,
    data bytea,
    primary key (sweep, part)
);
create index sweep_part_open on sweep_part (sweep, part) where status in ('queued', 'running');
alter table sweep_part alter column data set storage external;

create table sweep_variant (
    sweep uuid not null references sweep (id) on delete cascade,
    variant integer not null,
    backtest uuid not null,
    primary key (sweep, variant)
);
