-- Statements of the API and the simulators on `research_line`, `research_trial` and `holdout_opening`.

-- name: lock_lines
-- Lines of one owner are made one after another, so that none exceeds their number.
select pg_advisory_xact_lock(hashtextextended('ondol.research.' || $1, 0));

-- name: count_lines
select count(*) from research_line where owner = $1;

-- name: insert_line
insert into research_line (owner, name) values ($1, $2) on conflict (owner, name) do nothing;

-- name: select_line
select * from research_line where owner = $1 and name = $2;

-- name: select_lines
-- $1 owner, $2 before this id, $3 maximum number; the newest first.
select * from research_line where owner = $1 and id < $2 order by id desc limit $3;

-- name: lock_line
-- What the recording of trials of the line reads and changes; recordings of one line wait for each other.
select id, threshold, kept, best_score, best_digest from research_line where owner = $1 and name = $2 for update;

-- name: insert_trials
-- $1 line, $2 digests, $3 scores, $4 packed returns. Returns the rows that are new.
insert into research_trial (line, digest, score, returns)
select $1, g.digest, g.score, g.returns from unnest($2::bigint[], $3::bigint[], $4::bytea[]) as g (digest, score, returns)
on conflict (line, digest) do nothing
returning digest;

-- name: withdraw_trials
-- Delete the trials that were recorded since $1 (seconds since the epoch), and take them out of the sums of their
-- lines. A line whose best trial is deleted gets the best one that is left, whose source is not known. Evaluations stay: they were made.
with gone as materialized (
    delete from research_trial t using research_line l
    where t.line = l.id and l.updated_at >= to_timestamp($1) and t.recorded_at >= to_timestamp($1)
    returning t.line, t.digest, t.score, t.returns is not null as kept
), sums as (
    select line, count(*) as trials, count(score) as scored, coalesce(sum(score), 0) as score_sum,
           coalesce(sum(score::numeric * score), 0) as score_squares, count(*) filter (where kept) as kept
    from gone group by line
), best as (
    select l.id as line, found.score, found.digest, found.returns
    from research_line l
    left join lateral (
        select t.score, t.digest, t.returns from research_trial t
        where t.line = l.id and t.score is not null
          and not exists (select from gone g where g.line = t.line and g.digest = t.digest)
        order by t.score desc, t.digest limit 1
    ) as found on true
    where exists (select from gone g where g.line = l.id and g.digest = l.best_digest)
), raised as (
    select l.id, best.line is not null as is_other, best.score, best.digest, best.returns
    from research_line l left join best on best.line = l.id where l.id in (select line from sums)
)
update research_line l
set trials = l.trials - sums.trials, scored = l.scored - sums.scored, score_sum = l.score_sum - sums.score_sum,
    score_squares = l.score_squares - sums.score_squares, kept = l.kept - sums.kept,
    best_score = case when raised.is_other then raised.score else l.best_score end,
    best_digest = case when raised.is_other then raised.digest else l.best_digest end,
    best_returns = case when raised.is_other then raised.returns else l.best_returns end,
    best_kind = case when raised.is_other then null else l.best_kind end,
    best_source = case when raised.is_other then null else l.best_source end,
    best_variant = case when raised.is_other then null else l.best_variant end,
    best_factor = case when raised.is_other then null else l.best_factor end,
    best_horizon = case when raised.is_other then null else l.best_horizon end,
    version = l.version + 1, updated_at = now()
from sums join raised on raised.id = sums.line where l.id = sums.line
returning l.id, sums.trials;

-- name: record_again
-- Backtests that ended at most $2 seconds before $1 (seconds since the epoch): their results stand, but their trials may
-- have been recorded since.
update backtest b set in_ledger = false from computation c
where c.id = b.computation and b.research is not null and b.in_ledger
  and c.finished_at >= to_timestamp($1) - make_interval(secs => $2) and c.finished_at < to_timestamp($1)
returning b.id;

-- name: add_trials
-- $1 line, $2 evaluations, $3 trials, $4 scored trials, $5 sum of scores, $6 of their squares, $7 kept returns.
update research_line
set evaluations = evaluations + $2, trials = trials + $3, scored = scored + $4, score_sum = score_sum + $5,
    score_squares = score_squares + $6, kept = kept + $7, version = version + 1, updated_at = now()
where id = $1;

-- name: set_best
update research_line
set best_score = $2, best_digest = $3, best_returns = $4, best_kind = $5, best_source = $6, best_variant = $7,
    best_factor = $8, best_horizon = $9
where id = $1;

-- name: select_threshold
-- The digest of the $2-th of the kept returns.
select digest from research_trial where line = $1 and returns is not null order by digest offset $2 - 1 limit 1;

-- name: drop_returns
with dropped as (
    update research_trial set returns = null where line = $1 and digest > $2 and returns is not null returning 1
)
update research_line set threshold = $2, kept = kept - (select count(*) from dropped) where id = $1;

-- name: select_sample
select returns from research_trial where line = $1 and returns is not null order by digest limit $2;

-- name: select_unrecorded
-- Ended backtests that the ledger lacks: of the line $2 of the owner $1, or (null) of all; $3 at once.
select b.id, b.owner, b.research, b.request, b.computation, b.cancelled_at, c.status, c.finished_at
from backtest b left join computation c on c.id = b.computation
where b.research is not null and not b.in_ledger
  and ($1::text is null or (b.owner = $1 and b.research = $2))
  and (b.cancelled_at is not null or c.status in ('completed', 'failed', 'cancelled'))
order by b.id limit $3;

-- name: mark_recorded
-- Returns no row when it was recorded before.
update backtest set in_ledger = true where id = $1 and not in_ledger returning id;

-- name: change_line
-- $3 extra trials, $4 whether it is closed; null: as before. Extra trials are never lowered.
update research_line
set extra_trials = greatest(extra_trials, coalesce($3, extra_trials)),
    closed_at = case when $4::boolean then coalesce(closed_at, now()) else closed_at end,
    version = version + 1, updated_at = now()
where owner = $1 and name = $2 and ($3::bigint is null or $3 >= extra_trials)
returning *;

-- name: lock_holdouts
-- Holdouts of one owner are opened one after another, so that none is opened twice.
select pg_advisory_xact_lock(hashtextextended('ondol.holdout.' || $1, 0));

-- name: select_earlier_holdout
-- The first opening of another source ($5) that has a day from $3 to $4, for the strategy $2 or in the line $6.
select *, coalesce(strategy = $2, false) as same_strategy from holdout_opening
where owner = $1 and (strategy = $2 or research = $6) and first_day <= $4 and last_day >= $3 and source <> $5
order by opened_at, source limit 1;

-- name: insert_holdout
insert into holdout_opening (owner, research, strategy, kind, source, variant, first_day, last_day, opened_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (source) do nothing;

-- name: set_opened_backtest
update holdout_opening set backtest = $2 where source = $1;

-- name: touch_line
update research_line set version = version + 1, updated_at = now() where owner = $1 and name = $2;

-- name: select_holdouts
select * from holdout_opening where owner = $1 and research = $2 order by opened_at, source limit $3;
