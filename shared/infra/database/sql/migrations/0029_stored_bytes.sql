-- How many bytes of results each key has stored on a day, and how many its unfinished work may still store.

create table stored_bytes (
    owner text not null,
    -- in Seoul
    day date not null,
    bytes bigint not null,
    primary key (owner, day)
) with (fillfactor = 50);

alter table api_key
    -- bytes of results a day; null: that of the settings, 0: unlimited
    add column daily_bytes bigint;

alter table computation add column reserved_bytes bigint not null default 0;
alter table sweep add column reserved_bytes bigint not null default 0;
alter table backtest
    -- of a row that has no computation yet
    add column reserved_bytes bigint not null default 0;
