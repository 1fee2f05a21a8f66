-- name: write_ops_alerts(rows)
-- Queue alerts; one that was queued before is left out. Gives those that are new.
insert into delivery.outbox (idempotency_key, kind, payload)
select
    alert.idempotency_key,
    'ops_alert',
    jsonb_build_object('text', alert.text)
from jsonb_to_recordset(:rows::jsonb) as alert (idempotency_key text, text text)
on conflict (idempotency_key) do nothing
returning idempotency_key;
