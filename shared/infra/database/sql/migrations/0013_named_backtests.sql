-- Names, notes and stars by which users find their backtests again; a list of one origin reads its own rows only.

alter table backtest add column name text;
alter table backtest add column note text;
alter table backtest add column starred boolean not null default false;

create index backtest_of_origin on backtest (owner, origin, id desc);
create index backtest_named on backtest (owner, id desc) where name is not null;
create index backtest_starred on backtest (owner, id desc) where starred;
