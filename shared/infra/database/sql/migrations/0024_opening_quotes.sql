-- Opening prices that an operator posts before the day's rows are loaded, and what paper accounts book from them.

create table opening_quotes (
    day         date primary key,
    -- grows with every change of the day's quotes
    number      integer not null,
    -- JSON: stock code -> price in won, null where the stock does not trade at the open
    quotes      text not null,
    posted_at   timestamptz not null default now(),
    changed_at  timestamptz not null default now()
);

alter table paper_step
    -- what the opening quotes of this number fill, until the day is booked
    add column provisional text,
    add column provisional_number integer,
    add column provisional_at timestamptz,
    -- how each of those fills differs from the booked ones; null before the day is booked, and without quotes
    add column reconciliation text;

-- A key may post quotes without being one of an administrator.
alter table api_key
    drop constraint api_key_role_check,
    add constraint api_key_role_check check (role in ('user', 'operator', 'admin'));
