-- The trading days of a dataset are the days on which some stock is tradable (volume and open above 0), no longer every day with a row.

-- Bit n: the stock is tradable on day n of the year (0 is 1 January); null in rows that an earlier version wrote, until the next load
-- or preparation fills it in (`fill_tradable_days` of shared/infra/market_tables.py).
alter table price_year add column tradable bit(366);

create index price_year_unfilled on price_year (stock) where tradable is null;

drop table trading_day;

create view trading_day as
select make_date(y.year, 1, 1) - date '1970-01-01' + n as day
from (select year, bit_or(tradable) as tradable from price_year group by year) as y, generate_series(0, 365) as n
where get_bit(y.tradable, n) = 1;
