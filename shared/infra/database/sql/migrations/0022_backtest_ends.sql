-- Lists by status and strategy read the rows that they show, however many an owner has.

alter table backtest
    -- how it ended: completed, failed or cancelled; null until the reconciler has recorded it
    add column ended text;

create index backtest_unrecorded on backtest (owner, id desc) where ended is null;
create index backtest_ended on backtest (owner, ended, id desc) where ended is not null;
create index backtest_strategy on backtest (owner, strategy_id, id desc) where strategy_id is not null;
