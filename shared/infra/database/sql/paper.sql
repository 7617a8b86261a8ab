-- Paper accounts: their rows, their steps and their drift reports. The API steps and answers, the warmer schedules.

-- name: now
select now() as now;

-- name: insert_account
-- $1 id, $2 owner, $3 name, $4 strategy id, $5 request, $6 start.
insert into paper_account (id, owner, name, strategy_id, request, start_day)
values ($1, $2, $3, $4, $5, $6) returning *;

-- name: count_accounts
select count(*) from paper_account where owner = $1;

-- name: select_account
-- $1 id, $2 owners (null: any).
select * from paper_account where id = $1 and ($2::text[] is null or owner = any($2));

-- name: select_accounts
-- $1 owners, $2 before this id (null: newest), $3 limit.
select id, owner, name, strategy_id, request, start_day, dataset_version, engine_version, as_of, equity, cash,
       positions, result_digest, error, created_at, stepped_at, paused, changes
from paper_account where owner = any($1::text[]) and ($2::uuid is null or id < $2) order by id desc limit $3;

-- name: delete_account
-- $1 id, $2 owners.
delete from paper_account where id = $1 and owner = any($2::text[]) returning id;

-- name: claim_accounts
-- $1 current version, $2 day to decide today (null: none), $3 limit, $4 seconds of the lease, $5 day with opening quotes
-- (null: none), $6 their number. Accounts of an older version, those without a row of the day, and those with orders of
-- the quoted day that are not booked from its quotes; another worker does not get them before the lease ends.
update paper_account a set lease_until = now() + make_interval(secs => $4)
where a.id in (
    select c.id from paper_account c
    where (c.lease_until is null or c.lease_until < now())
      and (
          c.dataset_version is distinct from $1
          or ($2::date is not null and c.start_day <= $2 and (c.as_of is null or c.as_of < $2)
              and not exists (select from paper_step s where s.account = c.id and s.day = $2))
          or ($5::date is not null and exists (
              select from paper_step s where s.account = c.id and s.day = $5 and s.decision is not null
                  and s.booked_at is null and s.provisional_number is distinct from $6))
      )
    order by c.id limit $3 for update skip locked
)
returning a.id;

-- name: postpone_account
-- $1 id, $2 reason: the step failed; the warmer tries again when its lease ends.
update paper_account set error = $2 where id = $1;

-- name: finish_step
-- $1 id, $2 fence that was read, $3 version, $4 revision, $5 engine, $6 as of, $7 equity, $8 cash, $9 positions,
-- $10 result digest, $11 result. No row: another step came first. The state before is kept: that of the last hour, and
-- the newest one that is older.
with before as (
    select * from paper_account where id = $1
), written as (
    update paper_account
    set fence = fence + 1, dataset_version = $3, revision = $4, engine_version = $5, as_of = $6, equity = $7, cash = $8,
        positions = $9, result_digest = $10, result = $11, error = null, stepped_at = now(), lease_until = null,
        stepped_changes = changes
    where id = $1 and fence = $2 returning id
), kept as (
    insert into paper_earlier (account, fence, dataset_version, revision, engine_version, as_of, equity, cash, positions,
                               result_digest, result, stepped_changes, stepped_at)
    select b.id, $2, b.dataset_version, b.revision, b.engine_version, b.as_of, b.equity, b.cash, b.positions,
           b.result_digest, b.result, b.stepped_changes, b.stepped_at
    from before b join written using (id)
    on conflict do nothing
), deleted as (
    delete from paper_earlier e using written
    where e.account = written.id and exists (
        select from paper_earlier n
        where n.account = e.account and n.fence > e.fence and n.stepped_at < now() - interval '1 hour'
    )
)
select id from written;

-- name: supersede_steps
-- Steps that are being computed write nothing; those that are due are taken again.
update paper_account set fence = fence + 1, lease_until = null
where id in (select id from paper_account order by id for update);

-- name: select_damaged_accounts
-- Accounts that were stepped since $1 (seconds since the epoch).
select id, dataset_version, revision, engine_version, as_of, equity, cash, positions from paper_account
where stepped_at >= to_timestamp($1) and result is not null order by id;

-- name: restore_accounts
-- $1 seconds since the epoch, $2 reason: accounts that were stepped since then get the state before. Of one whose state
-- before is unknown the ledger begins behind the last day that was booked before.
with earlier as (
    select distinct on (e.account) e.* from paper_earlier e join paper_account a on a.id = e.account
    where a.stepped_at >= to_timestamp($1) and (e.stepped_at is null or e.stepped_at < to_timestamp($1))
    order by e.account, e.fence desc
), booked as (
    select distinct on (s.account) s.* from paper_step s join paper_account a on a.id = s.account
    where a.stepped_at >= to_timestamp($1) and s.booked_at < to_timestamp($1)
    order by s.account, s.day desc
), restored as (
    select a.id, e.account is not null as known, e.revision, e.engine_version, e.result_digest, e.result, e.stepped_at,
           case when e.account is not null then e.dataset_version when b.day is not null then '' end as dataset_version,
           case when e.account is not null then e.as_of else b.day end as as_of,
           case when e.account is not null then e.equity else b.equity end as equity,
           case when e.account is not null then e.cash else b.cash end as cash,
           case when e.account is not null then e.positions else b.positions end as positions,
           coalesce(e.stepped_changes, a.stepped_changes) as stepped_changes
    from paper_account a left join earlier e on e.account = a.id left join booked b on b.account = a.id
    where a.stepped_at >= to_timestamp($1)
)
update paper_account a
set dataset_version = r.dataset_version, revision = r.revision, engine_version = r.engine_version, as_of = r.as_of,
    equity = r.equity, cash = r.cash, positions = r.positions, result_digest = r.result_digest, result = r.result,
    stepped_changes = r.stepped_changes, stepped_at = r.stepped_at, error = $2
from restored r where a.id = r.id returning a.id;

-- name: delete_damaged_states
delete from paper_earlier where stepped_at >= to_timestamp($1);

-- name: select_damaged_steps
-- Steps with a decision or a booking since $1 (seconds since the epoch).
select account, day, decision, fills, equity, dataset_version, revision, engine_version, booked_version,
       coalesce(decided_at >= to_timestamp($1), false) as is_decision,
       coalesce(booked_at >= to_timestamp($1), false) as is_booking
from paper_step
where decided_at >= to_timestamp($1) or booked_at >= to_timestamp($1) or provisional_at >= to_timestamp($1)
order by account, day for update;

-- name: delete_damaged_decisions
-- Those since $1 (seconds since the epoch), and the rows of days without a decision that were booked since then.
delete from paper_step
where decided_at >= to_timestamp($1) or (status = 'no_decision' and booked_at >= to_timestamp($1));

-- name: undo_damaged_bookings
-- Days that were booked since $1 (seconds since the epoch), from rows or from opening quotes, are booked again.
update paper_step
set status = case when status <> 'booked' or booked_at < to_timestamp($1) then status
                  when working_at is null then 'decided' else 'working' end,
    outcomes = null, provisional_number = null,
    provisional = case when provisional_at < to_timestamp($1) then provisional end,
    provisional_at = case when provisional_at < to_timestamp($1) then provisional_at end,
    booked_at = null, booked_version = null, fills = null, equity = null, cash = null, positions = null,
    reconciliation = null
where booked_at >= to_timestamp($1) or (booked_at is null and provisional_at >= to_timestamp($1))
   or (booked_at is null and provisional is null and provisional_number is not null);

-- name: delete_damaged_drift
-- Reports since $1 (seconds since the epoch), but not those that say what was withdrawn.
delete from paper_drift
where created_at >= to_timestamp($1) and report::jsonb ->> 'cause' <> 'damaged_panels';

-- name: select_unbooked
-- Steps of an account that have no booking yet, up to day $2.
select day, status, digest, decision, dataset_version, revision, engine_version, late, changes, provisional,
       provisional_number
from paper_step where account = $1 and booked_at is null and day <= $2 order by day;

-- name: insert_decision
-- $1 account, $2 day, $3 decided on, $4 late, $5 version, $6 revision, $7 engine, $8 digest, $9 decision, $10 time,
-- $11 changes of the account.
insert into paper_step (account, day, status, decided_at, decided_on, late, dataset_version, revision, engine_version,
                        digest, decision, changes)
values ($1, $2, 'decided', $10, $3, $4, $5, $6, $7, $8, $9, $11)
on conflict (account, day) do nothing returning day;

-- name: insert_pause
-- $1 account, $2 day that a paused account does not decide.
insert into paper_step (account, day, status) values ($1, $2, 'paused') on conflict (account, day) do nothing;

-- name: change_account
-- $1 id, $2 fence that was read, $3 name, $4 strategy id, $5 request, $6 paused. A step that has read the older row
-- changes nothing.
update paper_account
set fence = fence + 1, name = $3, strategy_id = $4, request = $5, paused = $6, changes = changes + 1, lease_until = null
where id = $1 and fence = $2 returning *;

-- name: insert_change
-- $1 account, $2 number, $3 changed fields, $4 request before.
insert into paper_change (account, number, fields, request_before) values ($1, $2, $3, $4);

-- name: take_change_back
-- $1 id, $2 fence, and the values before as in change_account. The number of changes is that before, too.
update paper_account
set fence = fence + 1, name = $3, strategy_id = $4, request = $5, paused = $6, changes = changes - 1
where id = $1 and fence = $2 returning changes;

-- name: delete_change
delete from paper_change where account = $1 and number = $2;

-- name: select_changes
-- $1 account, $2 before this number (null: newest), $3 limit.
select number, changed_at, fields from paper_change
where account = $1 and ($2::integer is null or number < $2) order by number desc limit $3;

-- name: select_request_of_changes
-- $1 account, $2 number of changes: the request that the account had then.
select coalesce(
    (select request_before from paper_change where account = $1 and number = $2 + 1),
    (select request from paper_account where id = $1)
);

-- name: book_step
-- $1 account, $2 day, $3 version, $4 fills, $5 equity, $6 cash, $7 positions, $8 statuses of the orders, $9 differences
-- from the fills that were booked from opening quotes. A day without a decision gets a row.
insert into paper_step (account, day, status, booked_at, booked_version, fills, equity, cash, positions, outcomes,
                        reconciliation)
values ($1, $2, 'no_decision', now(), $3, $4, $5, $6, $7, $8, $9)
on conflict (account, day) do update
set status = case when paper_step.status in ('decided', 'working') then 'booked' else paper_step.status end,
    booked_at = now(), booked_version = excluded.booked_version, fills = excluded.fills, equity = excluded.equity,
    cash = excluded.cash, positions = excluded.positions, outcomes = excluded.outcomes,
    reconciliation = excluded.reconciliation
where paper_step.booked_at is null;

-- name: book_provisionally
-- $1 account, $2 day, $3 what its opening quotes fill, $4 number of the quotes, $5 statuses of the orders. No row: the
-- day is booked, it has no orders, or it has the same fills already.
update paper_step set provisional = $3, provisional_number = $4, provisional_at = now(), outcomes = $5
where account = $1 and day = $2 and decision is not null and booked_at is null and provisional is distinct from $3
returning day;

-- name: pass_quotes
-- $1 account, $2 day, $3 number of the opening quotes, from which nothing can be booked.
update paper_step set provisional_number = $3 where account = $1 and day = $2 and booked_at is null;

-- name: select_last_day
-- The last trading day (day number) of the market tables.
select max(day) from trading_day;

-- name: mark_late
-- $1 day, whose data are absent although due: no account decides on it. Accounts that are marked now.
insert into paper_step (account, day, status)
select id, $1, 'data_late' from paper_account where start_day <= $1
on conflict (account, day) do nothing returning account;

-- name: mark_working
-- $1 day that has opened.
update paper_step set status = 'working', working_at = now() where day = $1 and status = 'decided' returning account;

-- name: select_steps
-- $1 account, $2 before this day (null: newest), $3 limit.
select * from paper_step where account = $1 and ($2::date is null or day < $2) order by day desc limit $3;

-- name: select_step
select * from paper_step where account = $1 and day = $2;

-- name: select_last_decision
select * from paper_step where account = $1 and decision is not null order by day desc limit 1;

-- name: insert_drift
-- $1 account, $2 day, $3 won, $4 report.
insert into paper_drift (account, number, day, won, report)
select $1, coalesce(max(number), 0) + 1, $2, $3, $4 from paper_drift where account = $1 returning number;

-- name: select_drift
-- $1 account, $2 before this number (null: newest), $3 limit.
select number, day, won, report, created_at from paper_drift
where account = $1 and ($2::integer is null or number < $2) order by number desc limit $3;

-- name: count_drift
select count(*) from paper_drift where account = $1;

-- name: select_current
-- The current dataset version with its revision and when it was published.
select c.version, c.revision, v.built_at from dataset_current c join dataset_version v on v.version = c.version;

-- name: count_due
-- $1 current version, $2 day to decide today (null: none), $3 day with opening quotes (null: none), $4 their number:
-- accounts whose step is due and not leased.
select count(*) from paper_account c
where (c.lease_until is null or c.lease_until < now())
  and (
      c.dataset_version is distinct from $1
      or ($2::date is not null and c.start_day <= $2 and (c.as_of is null or c.as_of < $2)
          and not exists (select from paper_step s where s.account = c.id and s.day = $2))
      or ($3::date is not null and exists (
          select from paper_step s where s.account = c.id and s.day = $3 and s.decision is not null
              and s.booked_at is null and s.provisional_number is distinct from $4))
  );

-- name: select_statement_images
-- Statements disclosed up to day $3 that the revisions after $1 and up to $2 changed, as they were after $1 and $2;
-- null where the row did not exist. $4 limit.
with changed as (
    select distinct stock, fiscal_year, fiscal_quarter, disclosed_on from statement_before
    where revision > $1 and revision <= $2 and disclosed_on <= $3
    order by stock, fiscal_year, fiscal_quarter, disclosed_on limit $4
)
select i.code, k.fiscal_year, k.fiscal_quarter, k.disclosed_on,
       case when b.existed then to_jsonb(b) end as before,
       case when a.revision is null then to_jsonb(s) when a.existed then to_jsonb(a) end as after
from changed k
join instrument i on i.ordinal = k.stock
join lateral (
    select * from statement_before x
    where (x.stock, x.fiscal_year, x.fiscal_quarter, x.disclosed_on)
        = (k.stock, k.fiscal_year, k.fiscal_quarter, k.disclosed_on) and x.revision > $1
    order by x.revision limit 1
) b on true
left join lateral (
    select * from statement_before x
    where (x.stock, x.fiscal_year, x.fiscal_quarter, x.disclosed_on)
        = (k.stock, k.fiscal_year, k.fiscal_quarter, k.disclosed_on) and x.revision > $2
    order by x.revision limit 1
) a on true
left join statement s on (s.stock, s.fiscal_year, s.fiscal_quarter, s.disclosed_on)
                        = (k.stock, k.fiscal_year, k.fiscal_quarter, k.disclosed_on);
