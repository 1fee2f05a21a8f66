-- name: lock_rotation(pool)$
-- Whose turn it was last; whoever holds this row is alone in giving out turns.
select last_rotation_order
from routing.rotation_state
where pool = :pool
for update;

-- name: list_due_leads(batch_id)
-- Scored leads without a place, or in the drip and no longer low: the batch's own, and those that wait for an agent.
select
    scored.lead_id,
    scored.bucket,
    staged.received_at
from leads.scored_leads as scored
inner join leads.staged_leads as staged on scored.lead_id = staged.lead_id
where
    (
        scored.lead_id in (select own.lead_id from leads.scored_leads as own where own.batch_id = :batch_id)
        or scored.lead_id in (select waiting.lead_id from routing.waiting_leads as waiting)
    )
    and not exists (
        select from leads.assigned_leads as assigned
        where assigned.lead_id = scored.lead_id and (assigned.method <> 'drip' or scored.bucket = 'low')
    )
order by staged.received_at, scored.lead_id;

-- name: write_assigned_leads(batch_id, rows)
-- Give each lead its place, and take it off the waiting list. A place with an agent is for ever, one in the drip may
-- become one with an agent.
with decided as (
    select
        decision.lead_id,
        decision.agent_id,
        decision.method
    from jsonb_to_recordset(:rows::jsonb) as decision (lead_id bigint, agent_id text, method text)
),

assigned as (
    insert into leads.assigned_leads (lead_id, event_id, batch_id, agent_id, method, bucket, received_at)
    select
        staged.lead_id,
        staged.event_id,
        :batch_id,
        decided.agent_id,
        decided.method,
        scored.bucket,
        staged.received_at
    from decided
    inner join leads.staged_leads as staged on decided.lead_id = staged.lead_id
    inner join leads.scored_leads as scored on decided.lead_id = scored.lead_id
    on conflict (lead_id) do update
        set
            batch_id = excluded.batch_id,
            agent_id = excluded.agent_id,
            method = excluded.method,
            bucket = excluded.bucket,
            passed_on_at = clock_timestamp()
        where leads.assigned_leads.method = 'drip' and excluded.agent_id is not null
    returning lead_id, event_id, agent_id, method, received_at, assigned_at
),

no_longer_waiting as (
    delete from routing.waiting_leads
    using assigned
    where routing.waiting_leads.lead_id = assigned.lead_id
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        event_id,
        lead_id,
        :batch_id,
        'assigned',
        jsonb_build_object('agent_id', agent_id, 'method', method)
    from assigned
    on conflict (event_id, kind, batch_id) do nothing
)

select
    method,
    extract(epoch from assigned_at - received_at)::double precision as seconds
from assigned;

-- name: write_waiting_leads(batch_id, rows)!
-- Note which leads wait for an agent, and why.
with waiting as (
    insert into routing.waiting_leads (lead_id, reason)
    select
        decision.lead_id,
        decision.reason
    from jsonb_to_recordset(:rows::jsonb) as decision (lead_id bigint, reason text)
    on conflict (lead_id) do nothing
    returning lead_id, reason
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    staged.event_id,
    staged.lead_id,
    :batch_id,
    'waiting',
    jsonb_build_object('reason', waiting.reason)
from waiting
inner join leads.staged_leads as staged on waiting.lead_id = staged.lead_id
on conflict (event_id, kind, batch_id) do nothing;

-- name: move_rotation(pool, last_rotation_order, turns)!
-- Remember whose turn it was; only for the holder of the row's lock.
update routing.rotation_state
set
    last_rotation_order = :last_rotation_order,
    turns = turns + :turns
where pool = :pool;

-- name: ask_for_waiting_leads(patience_seconds)!
-- Mark the leads that wait for an agent while there is one, unless that was done lately; a run takes all of them.
update routing.waiting_leads
set requested_at = now()
where
    (requested_at is null or requested_at < now() - make_interval(secs => :patience_seconds))
    and exists (select from routing.agents where active);
