-- Expressions that users have named. A version is never changed: another definition is another version.

create table user_factor (
    owner text not null,
    key text not null,
    version integer not null,
    expression text not null,
    canonical text not null,
    uses text[] not null default '{}',
    unit text not null default '',
    summary text not null default '',
    created_at timestamptz not null default now(),
    deleted_at timestamptz,
    primary key (owner, key, version)
);
