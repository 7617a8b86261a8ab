-- Changes of paper accounts by their users, pauses, and what became of each order.

alter table paper_account
    add column paused boolean not null default false,
    -- number of changes, and how many there were when the stored result was computed
    add column changes integer not null default 0,
    add column stepped_changes integer not null default 0;

alter table paper_step
    -- number of changes of the account when the day was decided
    add column changes integer not null default 0,
    -- status of each order of the decision, in its order; null before the day is booked
    add column outcomes text,
    drop constraint paper_step_status_check,
    add constraint paper_step_status_check
        check (status in ('decided', 'working', 'booked', 'no_decision', 'data_late', 'paused'));

-- What a user changed: `fields` maps each changed field to its value before and after. The request before change n + 1
-- is the one that n changes had made.
create table paper_change (
    account         uuid not null references paper_account on delete cascade,
    number          integer not null,
    changed_at      timestamptz not null default now(),
    fields          text not null,
    request_before  text not null,
    primary key (account, number)
);
