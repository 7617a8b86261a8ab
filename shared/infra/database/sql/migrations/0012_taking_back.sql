-- Rows as they were before each of the last revisions, so that loads and deletions can be taken back (`ondol revisions revert`).
-- One row per key that the revision changed: `existed` is false where the revision added the key, and other columns are null then.
-- A column that is added to a market table is added to its `_before` table too (tests/integration/test_migrations.py).

create table instrument_before (revision integer not null, existed boolean not null, like instrument);
alter table instrument_before
    alter column code drop not null, alter column name drop not null, alter column market drop not null,
    add primary key (revision, ordinal);

create table listing_before (revision integer not null, existed boolean not null, like listing);
alter table listing_before alter column market drop not null, add primary key (revision, stock, from_date);

create table price_year_before (revision integer not null, existed boolean not null, like price_year including storage);
alter table price_year_before
    alter column rows drop not null, alter column first_day drop not null, alter column last_day drop not null,
    alter column bars drop not null,
    add primary key (revision, stock, year);

create table statement_before (revision integer not null, existed boolean not null, like statement);
alter table statement_before
    alter column period_end drop not null,
    add primary key (revision, stock, fiscal_year, fiscal_quarter, disclosed_on);

create table dividend_before (revision integer not null, existed boolean not null, like dividend);
alter table dividend_before alter column dps drop not null, add primary key (revision, stock, ex_date, kind, number);

create table index_close_before (revision integer not null, existed boolean not null, like index_close);
alter table index_close_before alter column close drop not null, add primary key (revision, name, day);

-- `same_as`: the earlier revision with equal data, of a revision that took others back (0: nothing was loaded).
-- `revertible`: the rows before the revision are kept. Revisions of an earlier version have none.
alter table data_revision
    add column kind text not null default 'load' check (kind in ('load', 'delete', 'revert')),
    add column same_as integer,
    add column revertible boolean not null default false;

-- How many rows an entry stands for; null in entries of an earlier version.
alter table revision_scope add column rows bigint;

-- A deletion moves the last instrument to the ordinal that becomes free, and a revert moves it back.
alter table instrument
    drop constraint instrument_code_key,
    add constraint instrument_code_key unique (code) deferrable initially immediate;
