-- name: select_seal
select value from secret where name = 'seal';
