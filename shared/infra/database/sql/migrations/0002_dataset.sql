-- Dataset versions and the parts that they consist of (docs/reference/dataset.md).

-- The bytes of a part under its stored name (`Manifest.stored_names`); compressed already.
create table chunk_part (
    name        text primary key,
    bytes       bytea storage external not null,
    created_at  timestamptz not null default now()
);

-- A version: manifest (JSON), what is told about it (JSON) and what an incremental build merges (MessagePack, zstd).
create table dataset_version (
    version     text primary key,
    revision    integer not null,
    manifest    bytea storage external not null,
    about       bytea storage external not null,
    summary     bytea storage external not null,
    parts       text[] not null,
    built_at    timestamptz not null default now(),
    -- null while it is current
    retired_at  timestamptz
);

-- The current version: one row, written only by a builder whose fence is newer than the last one's.
create table dataset_current (
    one       boolean primary key default true check (one),
    version   text references dataset_version,
    revision  integer,
    fence     bigint not null
);
insert into dataset_current (fence) values (0);

create sequence dataset_fence;
