-- Quality reports of data revisions. The loader writes; commands read.

-- name: store_report
insert into quality_report (revision, report) values ($1, $2)
on conflict (revision) do update set report = excluded.report;

-- name: newest_report
select revision, report from quality_report order by revision desc limit 1;

-- name: report_of
select revision, report from quality_report where revision = $1;
