-- The ledger: every distinct trial of a research line counts once, whatever is deleted later.

create table research_line (
    id             bigint generated always as identity primary key,
    owner          text not null,
    name           text not null,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now(),
    -- no request can name a closed line; what was accepted before still counts
    closed_at      timestamptz,
    -- increases with every change, so that answers can be kept
    version        bigint not null default 0,
    -- trials that its owner made elsewhere
    extra_trials   bigint not null default 0,
    -- runs with a result, repetitions included; distinct ones; those of them with a score
    evaluations    bigint not null default 0,
    trials         bigint not null default 0,
    scored         bigint not null default 0,
    -- exact sums of scores (Sharpe ratio per week times sqrt(weeks - 1), in millionths) and of their squares
    score_sum      numeric not null default 0,
    score_squares  numeric not null default 0,
    -- trials whose weekly returns are kept: those whose digest is not above the threshold
    kept           integer not null default 0,
    threshold      bigint not null default 9223372036854775807,
    -- the trial with the greatest score, the smaller digest of equal ones
    best_score     bigint,
    best_digest    bigint,
    best_returns   bytea storage external,
    best_kind      text check (best_kind in ('backtest', 'sweep', 'walk_forward')),
    best_source    uuid,
    best_variant   integer,
    unique (owner, name)
);

create index research_line_of_owner on research_line (owner, id desc);

create table research_trial (
    line     bigint not null references research_line,
    digest   bigint not null,
    score    bigint,
    returns  bytea storage external,
    primary key (line, digest)
);

create index research_trial_sample on research_trial (line, digest) where returns is not null;

-- Each holdout that was opened in a line.
create table research_holdout (
    line       bigint not null references research_line,
    kind       text not null check (kind in ('sweep', 'walk_forward')),
    source     uuid not null,
    variant    integer not null,
    first_day  date not null,
    last_day   date not null,
    opened_at  timestamptz not null,
    primary key (line, source)
);

alter table backtest
    add column research text,
    -- whether the ledger has what became of it
    add column in_ledger boolean not null default false;

create index backtest_not_in_ledger on backtest (id) where research is not null and not in_ledger;
create index backtest_of_research on backtest (owner, research, id desc) where research is not null;

-- What sweeps of a line ran before there was a ledger counts as made elsewhere.
insert into research_line (owner, name, created_at, extra_trials)
select owner, research, min(created_at), sum(done - failed) from sweep where research is not null group by owner, research;
