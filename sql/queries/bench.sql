-- name: list_timelines(content_hashes)
-- When each of these events landed, found its place, and was told to the agent; by the hash of what was sent.
select
    event.content_hash,
    event.received_at,
    event.landed_at,
    event.status,
    event.batch_id,
    assigned.method,
    assigned.assigned_at,
    (
        select min(outbox.sent_at)
        from delivery.outbox as outbox
        where outbox.lead_id = assigned.lead_id and outbox.kind = 'sms'
    ) as texted_at
from landing.events as event
left join leads.assigned_leads as assigned on event.event_id = assigned.event_id
where event.content_hash = any(:content_hashes::text[]);

-- name: count_unfinished_events()$
-- Events that have not come to an end yet: unread, held by a run, or waiting for somebody.
select
    (select count(*) from landing.events where status = 'pending' or lease_until is not null)
    + (select count(*) from routing.waiting_leads);

-- name: read_database_sizes()^
-- Bytes on disk: of the whole database, and of Dagster's own tables.
select
    pg_database_size(current_database()) as total_bytes,
    (
        select coalesce(sum(pg_total_relation_size(class.oid)), 0)::bigint
        from pg_class as class
        inner join pg_namespace as namespace on class.relnamespace = namespace.oid
        where namespace.nspname = 'dagster' and class.relkind = 'r'
    ) as dagster_bytes,
    (select count(*) from leads.staged_leads) as leads,
    (select count(distinct batch_id) from leads.assigned_leads) as batches;
