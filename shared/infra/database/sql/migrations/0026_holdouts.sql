-- Every opening of a holdout is kept, also without a research line, so that the same days are not opened twice for one
-- strategy or one line. What was opened before without a line is not known here; what has a line is known by it only.

alter table research_holdout rename to holdout_opening;

alter table holdout_opening
    add column owner     text,
    add column research  text,
    -- SHA-256 of the strategy with its parameters unnamed; null: opened before this column
    add column strategy  text,
    add column backtest  uuid;

update holdout_opening h set owner = l.owner, research = l.name from research_line l where l.id = h.line;
update holdout_opening h set backtest = s.holdout_backtest from sweep s where s.id = h.source;

alter table holdout_opening drop constraint research_holdout_pkey;
alter table holdout_opening drop column line;
alter table holdout_opening alter column owner set not null;
alter table holdout_opening add constraint holdout_opening_pkey primary key (source);

create index holdout_opening_of_strategy on holdout_opening (owner, strategy, first_day);
create index holdout_opening_of_line on holdout_opening (owner, research, opened_at);
