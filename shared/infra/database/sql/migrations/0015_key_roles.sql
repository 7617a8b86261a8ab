-- Keys have a role and may expire; their last use is shown; services read changes since a moment.

alter table api_key
    add column role text not null default 'user' check (role in ('user', 'admin')),
    add column expires_at timestamptz,
    add column last_used_at timestamptz,
    add column changed_at timestamptz not null default clock_timestamp();

create index api_key_changed_at on api_key (changed_at);
