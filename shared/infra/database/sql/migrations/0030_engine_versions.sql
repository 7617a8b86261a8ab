-- Which versions of the engine and the rules simulators run: work is computed by its own version while one does.

create unlogged table engine_version (
    engine text not null,
    rules text not null,
    seen_at timestamptz not null,
    primary key (engine, rules)
) with (fillfactor = 50);
