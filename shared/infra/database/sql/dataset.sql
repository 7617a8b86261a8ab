-- Statements on dataset versions and chunk parts. The preparer writes; all services read.

-- name: current
select c.version, c.revision, v.built_at
from dataset_current c join dataset_version v on v.version = c.version;

-- name: manifest
select manifest from dataset_version where version = $1;

-- name: about
-- Coverage, distributions, rankings and sizes of a version, JSON (`services/preparer/version_stats.py`).
select about from dataset_version where version = $1;

-- name: current_about
select v.version, v.revision, v.built_at, v.about
from dataset_current c join dataset_version v on v.version = c.version;

-- name: versions
select version, revision, built_at, retired_at, cardinality(parts) as parts, octet_length(manifest) as manifest_bytes
from dataset_version order by built_at desc, version;

-- name: version_of_data
-- The newest retained version of a revision with the data of revision $1: of itself, of the one whose data a revert restored,
-- and of others that did so.
select v.version
from dataset_version v
join data_revision r on r.id = v.revision
where coalesce(r.same_as, r.id) = (select coalesce(same_as, id) from data_revision where id = $1)
order by v.built_at desc
limit 1;

-- name: summary
select summary from dataset_version where version = $1;

-- name: next_fence
select nextval('dataset_fence');

-- name: select_existing_parts
select name from dataset_part where name = any($1::text[]);

-- name: select_parts
select name, bytes from dataset_part where name = any($1::text[]);

-- name: async_commit
-- Parts become durable with the publication that names them: one synchronous commit instead of many.
set local synchronous_commit = off;

-- name: limit_build
-- A builder that was stopped inside a transaction keeps its locks from others for at most so long.
set local idle_in_transaction_session_timeout = '3s';

-- name: limit_copy
-- The same for a builder that was stopped while it sends parts.
set local statement_timeout = '10s';

-- name: delete_parts
delete from dataset_part where name = any($1::text[]);

-- name: lock_current
-- The first statement of a publication and of a deletion, which lock each other out.
select version, revision, fence from dataset_current for update;

-- name: upsert_version
insert into dataset_version (version, revision, manifest, about, summary, parts)
values ($1, $2, $3, $4, $5, $6)
on conflict (version) do update
set revision = excluded.revision, about = excluded.about, summary = excluded.summary, retired_at = null;

-- name: switch_current
-- A superseded build has a smaller fence and changes nothing.
update dataset_current set version = $1, revision = $2, fence = $3 where fence < $3 returning version;

-- name: retire
update dataset_version set retired_at = now() where version <> $1 and retired_at is null;

-- name: superseded_parts
-- Parts of the version before the previous one that no newer version has.
with recent as (
    select parts, row_number() over (order by retired_at desc nulls first, built_at desc) as position from dataset_version
)
select unnest(parts) as name from recent where position = 3
except
select unnest(parts) from recent where position < 3;

-- name: drop_versions
-- Retained: the current version, those of the last days, and every version that an unfinished backtest or sweep uses.
delete from dataset_version v
where v.retired_at < now() - make_interval(days => $1)
  and not exists (select from dataset_current c where c.version = v.version)
  and not exists (
      select from computation c
      where c.dataset_version = v.version and c.status in ('queued', 'preparing', 'running')
  )
  and not exists (
      select from sweep s where s.dataset_version = v.version and s.status in ('queued', 'running')
  )
returning v.version;

-- name: drop_parts
-- Parts that no version has; young ones may belong to a version that is being built.
delete from dataset_part p
where p.created_at < now() - interval '1 hour'
  and p.name not in (select unnest(parts) from dataset_version);

-- name: select_version_metrics
select v.built_at, (select max(day) from trading_day) as last_day,
       (select coalesce(sum(octet_length(p.bytes)), 0) from dataset_part p where p.name = any(v.parts)) as encoded_bytes
from dataset_current c join dataset_version v on v.version = c.version;

-- name: stored_bytes
select count(*) as parts, coalesce(sum(octet_length(bytes)), 0) as bytes from dataset_part;

-- name: base
-- The version from which a shared build continues, or that is published again.
select manifest, about, summary from dataset_version where version = $1;

-- name: claim_part
-- The first preparer claims a part; parts of an ended build cannot be claimed.
insert into part_claim (fence, part, preparer)
select $1, $2, $3 where $1 > (select fence from dataset_current)
on conflict do nothing
returning part;

-- name: report_part
update part_claim set outcome = $4 where fence = $1 and part = $2 and preparer = $3;

-- name: release_part
delete from part_claim where fence = $1 and part = $2 and preparer = $3 and outcome is null;

-- name: reported_parts
select part, outcome, extract(epoch from clock_timestamp() - began_at)::float8 as age
from part_claim where fence = $1 and part = any($2::integer[]);

-- name: drop_claims
delete from part_claim where fence <= $1;
