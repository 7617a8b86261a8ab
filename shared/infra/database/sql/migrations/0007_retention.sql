-- What has ended, the oldest first: results that are kept long enough are looked for every night.
create index computation_finished on computation (finished_at, id) where finished_at is not null;
