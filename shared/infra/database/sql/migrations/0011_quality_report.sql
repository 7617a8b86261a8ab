-- The quality report of each data revision, JSON (`shared/quality/report.py`).
create table quality_report (
    revision  integer primary key references data_revision on delete cascade,
    report    bytea not null
);
