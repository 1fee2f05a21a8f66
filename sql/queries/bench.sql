-- name: list_timelines(content_hashes)
-- When each of these events landed, found its place, and was told to the agent; by the hash of what was sent.
select
    event.content_hash,
    event.received_at,
    event.landed_at,
    event.status,
    event.batch_id,
    inquiry.merged_into is not null as is_merged,
    assigned.method,
    assigned.assigned_at,
    (
        select min(outbox.sent_at)
        from delivery.outbox as outbox
        where outbox.lead_id = assigned.lead_id and outbox.kind = 'sms'
    ) as texted_at
from landing.events as event
left join leads.assigned_leads as assigned on event.event_id = assigned.event_id
left join leads.staged_leads as staged on event.event_id = staged.event_id
left join leads.inquiries as inquiry on staged.lead_id = inquiry.lead_id
where event.content_hash = any(:content_hashes::text[]);

-- name: count_unfinished_events()$
-- Events that have not come to an end yet: unread, held by a run, offered, or waiting for somebody.
select
    (select count(*) from landing.events where status = 'pending' or lease_until is not null)
    + (select count(*) from routing.waiting_leads)
    + (select count(*) from routing.claims where status in ('announced', 'open', 'withdrawn'));

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

-- name: list_open_claims()
-- Leads that can be claimed.
select lead_id from routing.claims
where status in ('announced', 'open')
order by lead_id;

-- name: count_claimed_leads()$
-- Leads that an agent has by their click, each counted once.
select count(distinct lead_id) from leads.assigned_leads
where method = 'claim';

-- name: list_hot_delays()
-- How long each hot lead took from its arrival to its agent.
select
    extract(epoch from assigned.assigned_at - assigned.received_at)::double precision as seconds,
    claims.posted_at is not null as had_card
from leads.assigned_leads as assigned
left join routing.claims as claims on assigned.lead_id = claims.lead_id
where assigned.bucket = 'hot' and assigned.agent_id is not null;
