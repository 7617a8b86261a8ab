-- The output of `ondol status`.

-- name: market
select (select max(id) from data_revision) as revision, (select count(*) from instrument) as instruments,
       (select coalesce(sum(rows), 0) from price_year) as price_rows, (select count(*) from statement) as statements,
       (select count(*) from dividend) as dividends, (select count(*) from index_close) as index_rows,
       (select date '1970-01-01' + min(day) from trading_day) as first_day,
       (select date '1970-01-01' + max(day) from trading_day) as last_day;

-- name: dataset
select c.version, c.revision, v.built_at, cardinality(v.parts) as parts,
       (select coalesce(sum(octet_length(bytes)), 0) from dataset_part) as stored_bytes
from dataset_current c
join dataset_version v on v.version = c.version;

-- name: parts
-- Names of the parts of the current version.
select v.parts from dataset_current c join dataset_version v on v.version = c.version;

-- name: work
select status, count(*) as rows from computation group by status order by status;

-- name: warm
select id, trigger, status, dataset_version, started_at, finished_at from warm_run order by id desc limit 1;

-- name: database_bytes
select pg_database_size(current_database());
