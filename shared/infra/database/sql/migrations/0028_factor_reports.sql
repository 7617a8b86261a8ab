-- Factor reports are stored, so that they can be listed, read again and audited.

create table factor_report (
    id               uuid primary key,
    owner            text not null,
    -- SHA-256 of the query and of what computed it: an owner has the same report once
    query_digest     text not null,
    -- JSON of the query that simulators compute it from, and of the body that gives the same report again
    query            text not null,
    request          text not null,
    factor           text not null,
    dataset_version  text not null,
    engine_version   text not null,
    digest           text not null,
    -- JSON of what lists show: window and rank IC by horizon
    summary          text not null,
    -- the report, JSON in a zstd frame
    report           bytea storage external not null,
    created_at       timestamptz not null default now(),
    unique (owner, query_digest)
);

create index factor_report_of_owner on factor_report (owner, id desc);
create index factor_report_created on factor_report (created_at);
