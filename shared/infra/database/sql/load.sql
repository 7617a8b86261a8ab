-- name: lock
select pg_try_advisory_lock(7316510002);

-- name: unlock
-- Before the connection ends: its lock would last until the server notices the end.
select pg_advisory_unlock(7316510002);

-- name: known_instruments
select ordinal, code, name, name_en, market, sector, listed_on, delisted_on, kind, issuer from instrument order by ordinal;

-- name: add_instrument
insert into instrument (ordinal, code, name, name_en, market, sector, listed_on, delisted_on, kind, issuer)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
on conflict (ordinal) do update set
    name = excluded.name, name_en = excluded.name_en, market = excluded.market, sector = excluded.sector,
    listed_on = excluded.listed_on, delisted_on = excluded.delisted_on, kind = excluded.kind, issuer = excluded.issuer;

-- name: stage_listings
create temporary table listing_new (like listing) on commit drop;

-- name: drop_equal_listing
delete from listing_new n
using listing l
where (l.stock, l.from_date) = (n.stock, n.from_date)
  and (l.market, l.name, l.sector) is not distinct from (n.market, n.name, n.sector);

-- name: listing_scope
-- The first entry of a stock also holds before its day, so a new one can change every year.
select n.stock / 512 as part, count(*) as rows,
       min(case when exists (select from listing e where e.stock = n.stock and e.from_date < n.from_date)
           then extract(year from n.from_date) else 0 end)::integer as from_year
from listing_new n
group by 1;

-- name: listing_keys
select stock, from_date from listing_new;

-- name: upsert_listing
insert into listing (stock, from_date, market, name, sector)
select stock, from_date, market, name, sector from listing_new
on conflict (stock, from_date) do update set market = excluded.market, name = excluded.name, sector = excluded.sector;

-- name: prices_after_delisting
-- The last day of trading of a stock that has one on or after its delisting.
select i.code, max(make_date(p.year, 1, 1) - date '1970-01-01' + n) as last_day
from instrument i
join price_year p on p.stock = i.ordinal and p.last_day >= i.delisted_on - date '1970-01-01',
     generate_series(0, 365) as n
where get_bit(p.tradable, n) = 1 and make_date(p.year, 1, 1) + n >= i.delisted_on
group by i.code
order by i.code
limit 1;

-- name: stored_years
select stock / 512 as part, year from price_year group by 1, 2;

-- name: tradable_days
select year, tradable from price_year where year between $1 and $2 and tradable is not null;

-- name: delete_prices
delete from price_year where year = $1 and stock = any($2::integer[]);

-- name: stage_statements
create temporary table statement_new (like statement) on commit drop;

-- name: drop_equal_statement
delete from statement_new n
using statement s
where (s.stock, s.fiscal_year, s.fiscal_quarter, s.disclosed_on) = (n.stock, n.fiscal_year, n.fiscal_quarter, n.disclosed_on)
  and
    (s.period_end, s.revenue, s.cost_of_sales, s.operating_income, s.net_income, s.interest_expense,
     s.income_tax, s.depreciation_amortization, s.operating_cash_flow, s.capital_expenditure, s.total_assets,
     s.current_assets, s.cash_and_equivalents, s.inventories, s.intangible_assets, s.total_liabilities,
     s.current_liabilities, s.interest_bearing_debt, s.retained_earnings, s.total_equity, s.net_income_owners,
     s.equity_owners)
    is not distinct from
    (n.period_end, nullif(n.revenue, 'NaN'), nullif(n.cost_of_sales, 'NaN'),
     nullif(n.operating_income, 'NaN'), nullif(n.net_income, 'NaN'), nullif(n.interest_expense, 'NaN'),
     nullif(n.income_tax, 'NaN'), nullif(n.depreciation_amortization, 'NaN'),
     nullif(n.operating_cash_flow, 'NaN'), nullif(n.capital_expenditure, 'NaN'),
     nullif(n.total_assets, 'NaN'), nullif(n.current_assets, 'NaN'), nullif(n.cash_and_equivalents, 'NaN'),
     nullif(n.inventories, 'NaN'), nullif(n.intangible_assets, 'NaN'), nullif(n.total_liabilities, 'NaN'),
     nullif(n.current_liabilities, 'NaN'), nullif(n.interest_bearing_debt, 'NaN'),
     nullif(n.retained_earnings, 'NaN'), nullif(n.total_equity, 'NaN'), nullif(n.net_income_owners, 'NaN'),
     nullif(n.equity_owners, 'NaN'));

-- name: statement_scope
select stock / 512 as part, min(extract(year from disclosed_on))::integer as from_year, count(*) as rows
from statement_new
group by 1;

-- name: statement_keys
select stock, fiscal_year, fiscal_quarter, disclosed_on from statement_new;

-- name: upsert_statement
insert into statement (stock, fiscal_year, fiscal_quarter, period_end, disclosed_on,
    revenue, cost_of_sales, operating_income, net_income, interest_expense, income_tax, depreciation_amortization,
    operating_cash_flow, capital_expenditure, total_assets, current_assets, cash_and_equivalents, inventories,
    intangible_assets, total_liabilities, current_liabilities, interest_bearing_debt, retained_earnings, total_equity,
    net_income_owners, equity_owners)
select stock, fiscal_year, fiscal_quarter, period_end, disclosed_on,
    nullif(revenue, 'NaN'), nullif(cost_of_sales, 'NaN'), nullif(operating_income, 'NaN'), nullif(net_income, 'NaN'),
    nullif(interest_expense, 'NaN'), nullif(income_tax, 'NaN'), nullif(depreciation_amortization, 'NaN'),
    nullif(operating_cash_flow, 'NaN'), nullif(capital_expenditure, 'NaN'), nullif(total_assets, 'NaN'),
    nullif(current_assets, 'NaN'), nullif(cash_and_equivalents, 'NaN'), nullif(inventories, 'NaN'),
    nullif(intangible_assets, 'NaN'), nullif(total_liabilities, 'NaN'), nullif(current_liabilities, 'NaN'),
    nullif(interest_bearing_debt, 'NaN'), nullif(retained_earnings, 'NaN'), nullif(total_equity, 'NaN'),
    nullif(net_income_owners, 'NaN'), nullif(equity_owners, 'NaN')
from statement_new
on conflict (stock, fiscal_year, fiscal_quarter, disclosed_on) do update set
    period_end = excluded.period_end,
    revenue = excluded.revenue, cost_of_sales = excluded.cost_of_sales, operating_income = excluded.operating_income,
    net_income = excluded.net_income, interest_expense = excluded.interest_expense, income_tax = excluded.income_tax,
    depreciation_amortization = excluded.depreciation_amortization,
    operating_cash_flow = excluded.operating_cash_flow, capital_expenditure = excluded.capital_expenditure,
    total_assets = excluded.total_assets, current_assets = excluded.current_assets,
    cash_and_equivalents = excluded.cash_and_equivalents, inventories = excluded.inventories,
    intangible_assets = excluded.intangible_assets, total_liabilities = excluded.total_liabilities,
    current_liabilities = excluded.current_liabilities, interest_bearing_debt = excluded.interest_bearing_debt,
    retained_earnings = excluded.retained_earnings, total_equity = excluded.total_equity,
    net_income_owners = excluded.net_income_owners, equity_owners = excluded.equity_owners;

-- name: stage_dividends
create temporary table dividend_new (like dividend) on commit drop;

-- name: dividend_keys
select stock, ex_date, kind, number from dividend_new
union
select stock, ex_date, kind, number from dividend d
where exists (select from dividend_new n where (n.stock, n.ex_date, n.kind) = (d.stock, d.ex_date, d.kind));

-- name: dividend_scope
-- The amounts of a stock, ex-date and kind that a load names replace all that were stored under these three.
with differing as (
    select n.stock, least(n.ex_date, n.disclosed_on, d.disclosed_on) as first
    from dividend_new n
    left join dividend d using (stock, ex_date, kind, number)
    where d.stock is null or (d.dps, d.disclosed_on) is distinct from (n.dps, n.disclosed_on)
    union all
    select d.stock, least(d.ex_date, d.disclosed_on)
    from dividend d
    where exists (select from dividend_new n where (n.stock, n.ex_date, n.kind) = (d.stock, d.ex_date, d.kind))
      and not exists (
          select from dividend_new n
          where (n.stock, n.ex_date, n.kind, n.number) = (d.stock, d.ex_date, d.kind, d.number)
      )
)
select stock / 512 as part, count(*) as rows, min(extract(year from first))::integer as from_year
from differing
group by 1;

-- name: upsert_dividend
with replaced as (
    delete from dividend d
    where exists (select from dividend_new n where (n.stock, n.ex_date, n.kind) = (d.stock, d.ex_date, d.kind))
      and not exists (
          select from dividend_new n
          where (n.stock, n.ex_date, n.kind, n.number) = (d.stock, d.ex_date, d.kind, d.number)
      )
)
insert into dividend (stock, ex_date, dps, disclosed_on, kind, number)
select stock, ex_date, dps, disclosed_on, kind, number from dividend_new
on conflict (stock, ex_date, kind, number) do update set dps = excluded.dps, disclosed_on = excluded.disclosed_on;

-- name: stage_indices
create temporary table index_new (like index_close) on commit drop;

-- name: drop_equal_index
delete from index_new n
using index_close c
where (c.name, c.day) = (n.name, n.day)
  and (c.open, c.high, c.low, c.close) is not distinct from (n.open, n.high, n.low, n.close);

-- name: index_scope
select -1 as part, count(*) as rows, min(extract(year from date '1970-01-01' + day))::integer as from_year
from index_new
having count(*) > 0;

-- name: index_keys
select name, day from index_new;

-- name: upsert_index
insert into index_close (name, day, open, high, low, close)
select name, day, open, high, low, close from index_new
on conflict (name, day) do update set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close;
