-- The key by which services recognise what they have written into Redis themselves. 244 random bits.
create table secret (
    name   text primary key,
    value  bytea not null
);

insert into secret (name, value)
select 'seal', decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex');
