-- Webhooks of paper accounts, and the deliveries of their events: at least once, retried, then kept as dead letters.

create table paper_webhook (
    account     uuid primary key references paper_account on delete cascade,
    url         text not null,
    -- key of the signature; it is shown once
    secret      text not null,
    created_at  timestamptz not null default now()
);

create table paper_delivery (
    number        bigint generated always as identity primary key,
    account       uuid not null references paper_account on delete cascade,
    event_id      uuid not null default gen_random_uuid(),
    change        text not null,
    day           date not null,
    status        text not null default 'waiting' check (status in ('waiting', 'delivered', 'dead')),
    attempts      integer not null default 0,
    due_at        timestamptz not null default now(),
    http_status   integer,
    error         text,
    created_at    timestamptz not null default now(),
    delivered_at  timestamptz
);

create index paper_delivery_of_account on paper_delivery (account, number desc);

create index paper_delivery_due on paper_delivery (due_at) where status = 'waiting';
