-- Webhooks of paper accounts. The API sets and lists, steps and the warmer add deliveries, the warmer sends them.

-- name: set_webhook
-- $1 account, $2 URL, $3 secret.
insert into paper_webhook (account, url, secret) values ($1, $2, $3)
on conflict (account) do update set url = excluded.url, secret = excluded.secret, created_at = now()
returning url, created_at;

-- name: select_webhook
select url, created_at from paper_webhook where account = $1;

-- name: delete_webhook
delete from paper_webhook where account = $1 returning url;

-- name: add_deliveries
-- $1 accounts, $2 change, $3 day: of those with a webhook.
insert into paper_delivery (account, change, day)
select account, $2, $3 from paper_webhook where account = any($1::uuid[]) order by account;

-- name: has_due
select exists (select from paper_delivery where status = 'waiting' and due_at <= now());

-- name: claim_deliveries
-- $1 limit, $2 seconds after which another worker may send them. The account's older deliveries go first.
update paper_delivery p set attempts = attempts + 1, due_at = now() + make_interval(secs => $2)
from (
    select d.number, w.url, w.secret from paper_delivery d join paper_webhook w using (account)
    where d.status = 'waiting' and d.due_at <= now()
    order by d.due_at, d.number limit $1 for update of d skip locked
) as c
where p.number = c.number
returning p.account, p.number, p.event_id, p.change, p.day, p.attempts, p.created_at, c.url, c.secret;

-- name: end_delivery
-- $1 account, $2 number, $3 status of the HTTP answer.
update paper_delivery set status = 'delivered', http_status = $3, error = null, delivered_at = now()
where account = $1 and number = $2;

-- name: fail_delivery
-- $1 account, $2 number, $3 status of the HTTP answer (null: none), $4 error, $5 seconds until the next attempt (null:
-- there is none).
update paper_delivery
set status = case when $5::float8 is null then 'dead' else 'waiting' end, http_status = $3, error = $4,
    due_at = now() + make_interval(secs => coalesce($5::float8, 0))
where account = $1 and number = $2;

-- name: select_deliveries
-- $1 account, $2 status (null: any), $3 before this number (null: newest), $4 limit.
select number, event_id, change, day, status, attempts, due_at, http_status, error, created_at, delivered_at
from paper_delivery
where account = $1 and ($2::text is null or status = $2) and ($3::bigint is null or number < $3)
order by number desc limit $4;

-- name: resend_delivery
-- $1 account, $2 number: a dead or delivered one is sent again, with all its attempts.
update paper_delivery set status = 'waiting', attempts = 0, due_at = now(), error = null
where account = $1 and number = $2
returning number, event_id, change, day, status, attempts, due_at, http_status, error, created_at, delivered_at;
