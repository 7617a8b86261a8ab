-- Whose work runs next is decided here, among owners and origins by their shares.

alter table computation
    -- the first who asked for it
    add column owner text not null default '',
    -- about the nanoseconds of one core
    add column cost bigint not null default 0,
    -- costs so much that it runs beside what is short
    add column long boolean not null default false;

create index computation_queue on computation (long, owner, origin, created_at) where status = 'queued';

-- Further owners who wait for a queued computation of another one: it is next when the share of any of them says so.
create table computation_waiter (
    computation uuid not null references computation (id) on delete cascade,
    owner text not null,
    created_at timestamptz not null default now(),
    primary key (owner, computation)
);
create index computation_waiter_computation on computation_waiter (computation);

-- Virtual time of each queue: its last work began at `started` and ended at `finish`. Empty after a crash of PostgreSQL.
create unlogged table queue_share (
    owner text not null,
    origin text not null,
    started double precision not null,
    finish double precision not null,
    primary key (owner, origin)
) with (fillfactor = 50);

-- Questions that take as long as runs (audits, replays), until they are answered or their client has stopped waiting.
create unlogged table analysis (
    id uuid primary key,
    query text not null,
    owner text not null,
    cost bigint not null,
    kind text not null,
    payload text not null,
    deadline timestamptz not null,
    created_at timestamptz not null default now(),
    lease integer not null default 0,
    lease_until timestamptz,
    worker text
);
create index analysis_queue on analysis (owner, created_at);
