-- Opening prices that an operator posts: the API stores them, simulators read them.

-- name: insert_day
-- $1 day.
insert into opening_quotes (day, number, quotes) values ($1, 0, '{}') on conflict (day) do nothing;

-- name: lock_day
-- The quotes of day $1, which no other request changes before the transaction ends.
select number, quotes from opening_quotes where day = $1 for update;

-- name: replace_quotes
-- $1 day, $2 quotes.
update opening_quotes set number = number + 1, quotes = $2, changed_at = now() where day = $1
returning number, posted_at, changed_at;

-- name: select_quotes
-- The quotes of day $1; null: of the last day that has some.
select day, number, quotes, posted_at, changed_at from opening_quotes
where number > 0 and ($1::date is null or day = $1) order by day desc limit 1;

-- name: select_number
-- Number of the quotes of day $1.
select number from opening_quotes where day = $1 and number > 0;

-- name: select_last_number
-- The last day that has quotes, and their number.
select day, number from opening_quotes where number > 0 order by day desc limit 1;

-- name: count_decisions
-- Accounts that have orders of day $1 which are not booked.
select count(*) from paper_step where day = $1 and decision is not null and booked_at is null;

-- name: purge_quotes
-- Delete the quotes of days more than $2 days before $1; those that a step may still be booked from stay.
with purged as (
    delete from opening_quotes q
    where q.day < ($1::timestamptz - make_interval(days => $2))::date
      and not exists (select from paper_step s where s.day = q.day and s.decision is not null and s.booked_at is null)
    returning 1
)
select count(*) from purged;
