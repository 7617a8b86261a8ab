-- Statements on `factor_report`.

-- name: select_equal_report
select * from factor_report where owner = $1 and query_digest = $2;

-- name: insert_report
-- Nothing is inserted when the owner has the report already.
insert into factor_report
    (id, owner, query_digest, query, request, factor, dataset_version, engine_version, digest, summary, report)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
on conflict (owner, query_digest) do nothing;

-- name: drop_old_reports
-- The newest $2 reports of an owner stay, as far as they have $3 bytes together; the newest one stays.
delete from factor_report where id in (
    select id from (
        select id, row_number() over newest as place, sum(octet_length(report)) over newest as bytes
        from factor_report where owner = $1 window newest as (order by id desc)
    ) as kept
    where place > $2 or (bytes > $3 and place > 1)
);

-- name: select_report
select * from factor_report where id = $1 and owner = $2;

-- name: select_newest_report
select * from factor_report where owner = $1 order by id desc limit 1;

-- name: select_reports
-- $1 owner, $2 before this id, $3 canonical text, $4 dataset version, $5 maximum number, $6 pattern of canonical
-- texts or $7 another canonical text; the newest first.
select id, factor, dataset_version, engine_version, digest, summary, created_at from factor_report
where owner = $1 and id < $2 and ($3::text is null or factor = $3) and ($4::text is null or dataset_version = $4)
    and ($6::text is null or factor ilike $6 or factor = $7)
order by id desc limit $5;

-- name: delete_report
delete from factor_report where id = $1 and owner = $2 returning id;

-- name: withdraw_reports
-- Delete the reports that were made since $1 (seconds since the epoch).
delete from factor_report where created_at >= to_timestamp($1) returning id;

-- name: purge_reports
-- Delete the reports that were made more than $2 days before $1; $3 at once.
with old as (
    select id from factor_report
    where created_at < $1::timestamptz - make_interval(days => $2) order by created_at limit $3
    for update skip locked
)
delete from factor_report using old where factor_report.id = old.id returning factor_report.id;
