-- Data revisions, and the rows as they were before each of the last ones. The loader writes; commands and the api read.
-- Names in braces are filled in from the constants of `services/preparer/loading/earlier_rows.py`.

-- name: next_revision
-- One writer at a time (`lock` of load.sql); a revision exists only when its transaction ends well.
select coalesce(max(id), 0) + 1 from data_revision;

-- name: add_revision
-- The sequence follows, because other writers of rows may use it.
with moved as (select setval(pg_get_serial_sequence('data_revision', 'id'), $1))
insert into data_revision (id, source, rows, kind, same_as, revertible)
overriding system value
select $1, $2, $3, $4, $5, true from moved;

-- name: add_scope
insert into revision_scope (revision, kind, part, from_year, rows) values ($1, $2, $3, $4, $5);

-- name: forget_revisions
-- Revisions up to $1 can no longer be reverted.
update data_revision set revertible = false where id <= $1 and revertible;

-- name: revisions
select r.id, r.created_at, r.kind, r.source, r.rows, r.same_as, r.revertible,
       (select coalesce(jsonb_object_agg(s.kind, s.rows), '{}') from (
           select kind, sum(rows) as rows from revision_scope where revision = r.id group by kind) as s) as changed,
       (select c.version from dataset_current c where c.revision = r.id) as dataset_version
from data_revision r
order by r.id desc
limit $1;

-- name: data_of
-- The revision whose data a revision has: its own, or those of an earlier one.
select coalesce(same_as, id) from data_revision where id = $1;

-- name: scope_of_many
-- What the revisions after $1 changed.
select kind, part, min(from_year) as from_year, sum(coalesce(rows, 0))::bigint as rows
from revision_scope where revision > $1 group by kind, part order by kind, part;

-- name: copy_report
-- The report of equal data.
insert into quality_report (revision, report)
select $1, report from quality_report where revision = $2;

-- name: has_report
select exists (select from quality_report where revision = $1);

-- name: remember
-- The rows with the keys of a query as they are before revision $1 changes them; the first image of a key stays.
insert into {table}_before (revision, existed, {key}, {rest})
select $1::integer, t.{first} is not null, {source_key}, {table_rest}
from ({source}) as k
left join {table} as t using ({key})
on conflict do nothing;

-- name: keys_changed_after
select distinct {key} from {table}_before where revision > $2 and revision < $1;

-- name: remove_changed
delete from {table} as t
using (select distinct {key} from {table}_before where revision > $1 and revision < $2) as k
where {matches};

-- name: remove_added
-- Keys that were absent after revision $1.
delete from {table} as t
using (
    select distinct on ({key}) {key}, existed from {table}_before where revision > $1 and revision < $2
    order by {key}, revision
) as k
where not k.existed and {matches};

-- name: put_back
insert into {table} ({key}, {rest})
select {key}, {rest} from (
    select distinct on ({key}) * from {table}_before where revision > $1 and revision < $2 order by {key}, revision
) as b
where b.existed
order by {key}
on conflict ({key}) do update set {updates};

-- name: forget
delete from {table}_before where revision <= $1 or revision > $2;

-- name: defer_codes
set constraints instrument_code_key deferred;

-- name: stock_keys
-- The keys that change when the rows of stock $2 are deleted and those of stock $3 become its.
select {key} from {table} as t where stock in ($2::integer, $3::integer)
union
select {moved_key} from {table} as t where stock = $3;

-- name: ordinals
select unnest($2::integer[]) as ordinal;

-- name: price_keys
select unnest($2::integer[]) as stock, $3::integer as year;

-- name: index_keys
select name, day from index_close where exists (
    select from unnest($2::integer[], $3::integer[]) as r (first, last) where day between first and last);

-- name: delete_stock
delete from {table} where stock = $1;

-- name: move_stock
update {table} set stock = $1 where stock = $2;

-- name: copy_instrument
update instrument as t
set (code, name, name_en, market, sector, listed_on, delisted_on, kind, issuer) = (
    select l.code, l.name, l.name_en, l.market, l.sector, l.listed_on, l.delisted_on, l.kind, l.issuer
    from instrument as l where l.ordinal = $2)
where t.ordinal = $1;

-- name: delete_instrument
delete from instrument where ordinal = $1;

-- name: count_stock
select count(*) as rows from {table} where stock = $1;

-- name: count_prices
select coalesce(sum(rows), 0) as rows from price_year where stock = $1;

-- name: last_ordinal
select max(ordinal) from instrument;

-- name: delete_indices
delete from index_close where exists (
    select from unnest($1::integer[], $2::integer[]) as r (first, last) where day between first and last)
returning day;
