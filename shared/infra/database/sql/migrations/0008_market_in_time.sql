-- Kind and issuer of a company, what a stock was from a day on, the owners' part of statements, and several dividends of one ex-date.

alter table instrument
    add column kind text check (kind in ('common', 'preferred', 'spac', 'reit', 'foreign')),
    add column issuer text;

-- Market, name and sector of a stock from a day on; a null name or sector is the one before.
create table listing (
    stock      integer not null references instrument,
    from_date  date not null,
    market     text not null,
    name       text,
    sector     text,
    primary key (stock, from_date)
);

-- The part of profit and equity that belongs to the owners of the parent company.
alter table statement
    add column net_income_owners float8,
    add column equity_owners float8;

-- `kind` tells apart what is paid on one ex-date ('' where it is not loaded), `number` the amounts of one kind.
alter table dividend
    add column kind text not null default '',
    add column number integer not null default 0,
    drop constraint dividend_pkey,
    add primary key (stock, ex_date, kind, number);

alter table revision_scope
    drop constraint revision_scope_kind_check,
    add constraint revision_scope_kind_check
        check (kind in ('instrument', 'listing', 'price', 'day', 'statement', 'dividend', 'index'));
