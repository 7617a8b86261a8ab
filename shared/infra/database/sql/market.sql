-- name: instruments
select code, name, name_en, market, sector, listed_on - date '1970-01-01' as listed_on,
       delisted_on - date '1970-01-01' as delisted_on, kind, issuer
from instrument
order by ordinal;

-- name: listings
select stock, from_date - date '1970-01-01' as from_day, market, name, sector
from listing
order by stock, from_date;

-- name: days
select day from trading_day order by day;

-- name: prices
select stock, year, rows, first_day, last_day, bars
from price_year
where stock >= $1 and stock < $2 and year >= $3 and year <= $4
order by stock, year;

-- name: unfilled_prices
-- Rows of an earlier version, without their tradable days.
select stock, year, rows, first_day, last_day, bars from price_year where tradable is null limit 2048;

-- name: fill_tradable
update price_year set tradable = $3 where stock = $1 and year = $2;

-- name: statements
select stock, fiscal_year, fiscal_quarter, period_end - date '1970-01-01' as period_end, disclosed_on - date '1970-01-01' as disclosed_on,
       coalesce(revenue, 'NaN') as revenue, coalesce(cost_of_sales, 'NaN') as cost_of_sales,
       coalesce(operating_income, 'NaN') as operating_income, coalesce(net_income, 'NaN') as net_income,
       coalesce(interest_expense, 'NaN') as interest_expense, coalesce(income_tax, 'NaN') as income_tax,
       coalesce(depreciation_amortization, 'NaN') as depreciation_amortization,
       coalesce(operating_cash_flow, 'NaN') as operating_cash_flow, coalesce(capital_expenditure, 'NaN') as capital_expenditure,
       coalesce(net_income_owners, 'NaN') as net_income_owners,
       coalesce(total_assets, 'NaN') as total_assets, coalesce(current_assets, 'NaN') as current_assets,
       coalesce(cash_and_equivalents, 'NaN') as cash_and_equivalents, coalesce(inventories, 'NaN') as inventories,
       coalesce(intangible_assets, 'NaN') as intangible_assets, coalesce(total_liabilities, 'NaN') as total_liabilities,
       coalesce(current_liabilities, 'NaN') as current_liabilities,
       coalesce(interest_bearing_debt, 'NaN') as interest_bearing_debt,
       coalesce(retained_earnings, 'NaN') as retained_earnings, coalesce(total_equity, 'NaN') as total_equity,
       coalesce(equity_owners, 'NaN') as equity_owners
from statement
where stock >= $1 and stock < $2
order by stock, fiscal_year, fiscal_quarter, disclosed_on;

-- name: dividends
select stock, ex_date - date '1970-01-01' as ex_date, dps, coalesce(disclosed_on - date '1970-01-01', -2147483648) as disclosed_on
from dividend
where stock >= $1 and stock < $2
order by stock, ex_date, kind, number;

-- name: dividend_kinds
-- Position in the rows of `dividends`, and the kind, of those that have one.
select position, kind
from (
    select row_number() over (order by stock, ex_date, kind, number) - 1 as position, kind
    from dividend
    where stock >= $1 and stock < $2
) as ordered
where kind <> ''
order by position;

-- name: indices
-- A value of 0 or less is no value, but the series is there.
select name, day, case when close > 0 then close else 'NaN' end as close from index_close order by name, day;

-- name: newest_revision
select max(id) from data_revision;

-- name: changes
select s.kind, s.part, min(s.from_year) as from_year
from revision_scope s
where s.revision > $1 and s.revision <= $2
group by s.kind, s.part
order by s.kind, s.part;
