-- Walk-forwards are sweeps over windows: parts of their runs, and one last part that reads them all.

alter table sweep
    add column kind text not null default 'sweep' check (kind in ('sweep', 'walk_forward')),
    drop constraint sweep_status_check,
    add constraint sweep_status_check check (status in ('queued', 'running', 'completed', 'failed', 'cancelled'));

drop index sweep_of_owner;
create index sweep_of_owner on sweep (owner, kind, id desc);
