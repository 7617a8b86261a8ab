-- What was computed from damaged panels is withdrawn by its time.

alter table sweep
    -- how often its parts were withdrawn and began anew
    add column withdrawals integer not null default 0;

alter table sweep_part add column ended_at timestamptz;

alter table research_trial add column recorded_at timestamptz;
alter table research_trial alter column recorded_at set default now();
