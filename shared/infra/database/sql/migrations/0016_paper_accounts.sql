-- Paper accounts: what a strategy holds and orders every trading day without real money, its decisions and drift reports.

create table paper_account (
    id               uuid primary key,
    owner            text not null,
    name             text not null,
    strategy_id      text,
    -- canonical backtest request; its end is moved to the day of each step
    request          text not null,
    start_day        date not null,
    -- every step increases it; a step that has read an older value changes nothing
    fence            bigint not null default 0,
    lease_until      timestamptz,
    -- what the last step saw: dataset version and revision, its engine, and the last row; null before the first step
    dataset_version  text,
    revision         integer,
    engine_version   text,
    as_of            date,
    equity           float8,
    cash             float8,
    positions        integer,
    result_digest    text,
    -- the result of the backtest from start_day to as_of, JSON in a zstd frame
    result           bytea storage external,
    error            text,
    created_at       timestamptz not null default now(),
    stepped_at       timestamptz
);

create index paper_account_of_owner on paper_account (owner, id desc);

-- One row for each account and trading day: its decision at 07:00, and what was booked when the day's row was loaded.
create table paper_step (
    account          uuid not null references paper_account on delete cascade,
    day              date not null,
    status           text not null check (status in ('decided', 'working', 'booked', 'no_decision', 'data_late')),
    -- the decision; null without one
    decided_at       timestamptz,
    decided_on       date,
    late             boolean not null default false,
    dataset_version  text,
    revision         integer,
    engine_version   text,
    digest           text,
    decision         text,
    working_at       timestamptz,
    -- what was booked
    booked_at        timestamptz,
    booked_version   text,
    fills            text,
    equity           float8,
    cash             float8,
    positions        integer,
    primary key (account, day)
);

create index paper_step_open on paper_step (day) where status in ('decided', 'working');

-- A decision or a ledger that a later dataset or engine makes otherwise.
create table paper_drift (
    account     uuid not null references paper_account on delete cascade,
    number      integer not null,
    day         date not null,
    won         float8,
    report      text not null,
    created_at  timestamptz not null default now(),
    primary key (account, number)
);
