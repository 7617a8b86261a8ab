-- Accepted requests (backtest, one row each, owned by a key) and the work that they share by content (computation).

create table computation (
    id uuid primary key,
    request_digest text not null,
    dataset_version text not null,
    engine_version text not null,
    rules_version text not null,
    -- false: asked for with no-store; never handed to another request
    shared boolean not null default true,
    origin text not null default 'user',
    request text not null,
    status text not null default 'queued'
        check (status in ('queued', 'preparing', 'running', 'completed', 'failed', 'cancelled')),
    attempts integer not null default 0,
    lease bigint not null default 0,
    lease_until timestamptz,
    worker text,
    progress real not null default 0,
    result bytea,
    result_digest text,
    statistics text,
    error text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
);

-- the result is one zstd frame already
alter table computation alter column result set storage external;

-- one live or completed computation for each content; failed and cancelled ones do not stand in the way of a new try
create unique index computation_content
    on computation (request_digest, dataset_version, engine_version, rules_version)
    where shared and status in ('queued', 'preparing', 'running', 'completed');

create index computation_open on computation (created_at) where status in ('queued', 'preparing', 'running');
create index computation_unshared on computation (created_at) where not shared;

create table backtest (
    id uuid primary key,
    owner text not null,
    -- null while no dataset version exists yet
    computation uuid references computation (id),
    request text not null,
    request_digest text not null,
    dataset_version text,
    strategy_id text,
    origin text not null default 'user',
    cached boolean not null default false,
    no_store boolean not null default false,
    idempotency_key text,
    body_digest text,
    cancelled_at timestamptz,
    created_at timestamptz not null default now()
);

create index backtest_of_owner on backtest (owner, id desc);
create index backtest_of_computation on backtest (computation);
create unique index backtest_idempotency on backtest (owner, idempotency_key) where idempotency_key is not null;
create index backtest_waiting on backtest (created_at) where computation is null and cancelled_at is null;
create index backtest_popular on backtest (created_at) where origin = 'user';
