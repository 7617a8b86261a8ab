-- What is known about each company. `ordinal` is the column of every panel: a new listing gets the next one and nothing moves.
create table instrument (
    ordinal      integer primary key,
    code         text not null unique,
    name         text not null,
    name_en      text,
    market       text not null,
    sector       text,
    listed_on    date,
    delisted_on  date
);

-- Daily prices, one row per stock and calendar year. `bars` holds `rows` days x 12 columns: the day (days since 1970-01-01), then
-- open, high, low, close, volume, trading_value, market_cap, listed_shares, change, change_rate, split; float64, NaN where null,
-- column after column, bytes shuffled, one zstd frame (`shared/infra/price_copy.py`). Against a row per day and stock this loads
-- ten times faster, reads twenty times faster and takes an eighth of the room.
create table price_year (
    stock      integer not null references instrument,
    year       integer not null,
    rows       integer not null,
    first_day  integer not null,
    last_day   integer not null,
    bars       bytea storage external not null,
    primary key (stock, year)
);

-- Every day on which some stock has a price row.
create table trading_day (
    day integer primary key
);

-- Statements as disclosed; the same quarter with a later disclosed_on is a restatement, visible from that day.
create table statement (
    stock                      integer not null references instrument,
    fiscal_year                integer not null,
    fiscal_quarter             integer not null check (fiscal_quarter between 1 and 4),
    period_end                 date not null,
    disclosed_on               date not null check (disclosed_on >= period_end),
    revenue                    float8,
    cost_of_sales              float8,
    operating_income           float8,
    net_income                 float8,
    interest_expense           float8,
    income_tax                 float8,
    depreciation_amortization  float8,
    operating_cash_flow        float8,
    capital_expenditure        float8,
    total_assets               float8,
    current_assets             float8,
    cash_and_equivalents       float8,
    inventories                float8,
    intangible_assets          float8,
    total_liabilities          float8,
    current_liabilities        float8,
    interest_bearing_debt      float8,
    retained_earnings          float8,
    total_equity               float8,
    primary key (stock, fiscal_year, fiscal_quarter, disclosed_on)
);

create table dividend (
    stock         integer not null references instrument,
    ex_date       date not null,
    dps           float8 not null,
    disclosed_on  date,
    primary key (stock, ex_date)
);

create table index_close (
    name   text not null,
    day    integer not null,
    open   float8,
    high   float8,
    low    float8,
    close  float8 not null,
    primary key (name, day)
);

-- A revision exists when a load changed some row. Its scope says which parts of the market (512 instruments each, -1 for all)
-- differ from which calendar year on.
create table data_revision (
    id          integer primary key generated always as identity,
    created_at  timestamptz not null default now(),
    source      text not null,
    rows        bigint not null
);

create table revision_scope (
    revision   integer not null references data_revision on delete cascade,
    kind       text not null check (kind in ('instrument', 'price', 'day', 'statement', 'dividend', 'index')),
    part       integer not null,
    from_year  integer not null,
    primary key (revision, kind, part)
);
