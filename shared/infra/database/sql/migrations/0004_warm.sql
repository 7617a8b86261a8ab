-- The warmer's record: runs (one at a time, one a night), their phases and items, and the picks of the morning.

create table warm_run (
    id bigint primary key generated always as identity,
    -- the date in Seoul of a nightly run; null for runs at start-up and by hand
    night date unique,
    trigger text not null check (trigger in ('nightly', 'catch_up', 'start_up', 'hand')),
    phases text[] not null,
    status text not null default 'queued' check (status in ('queued', 'running', 'completed', 'partial', 'failed')),
    dataset_version text,
    attempts integer not null default 0,
    lease bigint not null default 0,
    lease_until timestamptz,
    worker text,
    -- JSON objects as text: what was planned against the cache's limit, and what came out
    plan text,
    summary text,
    error text,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz
);

create unique index warm_run_one_at_a_time on warm_run ((true)) where status in ('queued', 'running');

create table warm_phase (
    run bigint not null references warm_run on delete cascade,
    phase text not null,
    place integer not null,
    status text not null default 'running' check (status in ('running', 'completed', 'partial')),
    items integer not null default 0,
    done integer not null default 0,
    failed integer not null default 0,
    -- how many of the done ones needed work at all
    fresh integer not null default 0,
    hits integer,
    misses integer,
    seconds float8 not null default 0,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    primary key (run, phase)
);

create table warm_item (
    run bigint not null references warm_run on delete cascade,
    phase text not null,
    item text not null,
    status text not null check (status in ('done', 'failed')),
    fresh boolean not null,
    seconds float8 not null,
    error text,
    -- failed only since the loaded data have no value for something that it needs
    lacking boolean not null default false,
    primary key (run, phase, item)
);

create table daily_pick (
    day date not null,
    strategy text not null,
    dataset_version text,
    picks text,
    error text,
    created_at timestamptz not null default now(),
    primary key (day, strategy)
);
