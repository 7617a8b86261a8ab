-- Who builds which part while several preparers share a build (docs/reference/dataset.md). What a crash takes away costs time only.
create unlogged table part_build (
    fence       bigint not null,
    part        integer not null,
    preparer    text not null,
    began_at    timestamptz not null default clock_timestamp(),
    -- names and summary of what was built, MessagePack, zstd; null while it is being built
    outcome     bytea,
    primary key (fence, part)
);
alter table part_build alter column outcome set storage external;
