-- Who may ask (keys, stored hashed) and the strategies that users keep.

create table api_key (
    id text primary key,
    name text not null,
    -- SHA-256 of the key; the key itself is shown once and never stored
    hash bytea not null unique,
    rate_limit real,
    concurrency integer,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
);

create table own_strategy (
    owner text not null,
    id text not null,
    name text not null,
    summary text not null default '',
    tags text not null default '[]',
    strategy text not null,
    costs text not null default '{}',
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (owner, id)
);
