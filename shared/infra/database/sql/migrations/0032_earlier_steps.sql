-- What a paper account had before its latest steps: it gets it back when a step read damaged panels.

create table paper_earlier (
    account          uuid not null references paper_account on delete cascade,
    -- fence of the account before the step that replaced the state
    fence            bigint not null,
    dataset_version  text,
    revision         integer,
    engine_version   text,
    as_of            date,
    equity           float8,
    cash             float8,
    positions        integer,
    result_digest    text,
    result           bytea storage external,
    stepped_changes  integer not null,
    -- when the state was computed; null: the account had no step yet
    stepped_at       timestamptz,
    primary key (account, fence)
);
