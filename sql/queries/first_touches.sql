-- name: write_touch(lead_id, agent_id, source, touched_at)!
-- Note an agent's first touch of a lead that is theirs, and stop its timer; of somebody else's lead nothing is noted.
with own as (
    select
        assigned.lead_id,
        assigned.agent_id,
        assigned.event_id,
        assigned.batch_id
    from leads.assigned_leads as assigned
    where assigned.lead_id = :lead_id and assigned.agent_id = :agent_id
),

touched as (
    insert into routing.touches (lead_id, agent_id, source, touched_at)
    select
        own.lead_id,
        own.agent_id,
        :source,
        coalesce(:touched_at::timestamptz, clock_timestamp())
    from own
    on conflict do nothing
),

stopped as (
    update routing.first_touches
    set status = 'touched'
    from own
    where routing.first_touches.lead_id = own.lead_id
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    own.event_id,
    own.lead_id,
    own.batch_id,
    'touched',
    jsonb_build_object('agent_id', own.agent_id, 'source', :source::text)
from own
on conflict (event_id, kind, batch_id) do update set detail = excluded.detail;

-- name: list_untimed_assignments(most)
-- Leads that an agent was given lately and that have no timer yet.
select
    assigned.lead_id,
    assigned.agent_id,
    assigned.assigned_at
from leads.assigned_leads as assigned
where
    assigned.agent_id is not null
    and assigned.assigned_at > now() - interval '1 day'
    and not exists (select from routing.first_touches as timer where timer.lead_id = assigned.lead_id)
    and not exists (select from routing.touches as touch where touch.lead_id = assigned.lead_id)
order by assigned.assigned_at
limit :most;

-- name: start_touch_timers(rows)!
-- Start the timers of new assignments.
insert into routing.first_touches (lead_id, agent_id, given_at, due_at)
select
    timer.lead_id,
    timer.agent_id,
    timer.given_at,
    timer.due_at
from
    jsonb_to_recordset(:rows::jsonb)
        as timer (lead_id bigint, agent_id text, given_at timestamptz, due_at timestamptz)
on conflict (lead_id) do nothing;

-- name: list_due_touches(most)
-- Leads whose first touch is overdue.
select
    lead_id,
    agent_id,
    status,
    now() as now
from routing.first_touches
where status in ('waiting', 'reminded') and due_at <= now()
order by due_at
limit :most
for update;

-- name: has_due_touches()$
-- Whether the timer has anything to do.
select
    exists (select from routing.first_touches where status in ('waiting', 'reminded') and due_at <= now())
    or exists (
        select from leads.assigned_leads as assigned
        where
            assigned.agent_id is not null
            and assigned.assigned_at > now() - interval '1 day'
            and not exists (select from routing.first_touches as timer where timer.lead_id = assigned.lead_id)
            and not exists (select from routing.touches as touch where touch.lead_id = assigned.lead_id)
    );

-- name: note_reminders(rows)!
-- The agents were reminded; from now on the lead can go to another.
with reminded as (
    update routing.first_touches
    set
        status = 'reminded',
        due_at = asked.due_at
    from jsonb_to_recordset(:rows::jsonb) as asked (lead_id bigint, due_at timestamptz)
    where routing.first_touches.lead_id = asked.lead_id and routing.first_touches.status = 'waiting'
    returning routing.first_touches.lead_id, routing.first_touches.agent_id
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    assigned.event_id,
    assigned.lead_id,
    gen_random_uuid(),
    'reminded',
    jsonb_build_object('agent_id', reminded.agent_id)
from reminded
inner join leads.assigned_leads as assigned on reminded.lead_id = assigned.lead_id;

-- name: write_missed_touches(lead_ids)!
-- Note who did not touch these leads in time.
insert into routing.missed_touches (lead_id, agent_id)
select
    timer.lead_id,
    timer.agent_id
from routing.first_touches as timer
where timer.lead_id = any(:lead_ids::bigint[])
on conflict do nothing;

-- name: list_missed_by_lead(lead_ids)
-- Who has had each of these leads without touching it.
select
    lead_id,
    agent_id
from routing.missed_touches
where lead_id = any(:lead_ids::bigint[]);

-- name: read_routing_facts(lead_ids)
-- What routing looks at in leads that have a place already.
select facts.*
from routing.lead_facts as facts
where facts.lead_id = any(:lead_ids::bigint[])
order by facts.received_at, facts.lead_id;

-- name: reassign_leads(batch_id, rows)!
-- Give leads to others, or leave them where nobody else is; their way and time of assignment stay as they were.
with changes as (
    select
        asked.lead_id,
        asked.agent_id,
        asked.due_at,
        asked.verdict
    from
        jsonb_to_recordset(:rows::jsonb)
            as asked (lead_id bigint, agent_id text, due_at timestamptz, verdict jsonb)
),

given_up as (
    update routing.first_touches
    set status = 'given_up'
    from changes
    where routing.first_touches.lead_id = changes.lead_id and changes.agent_id is null
),

timed as (
    update routing.first_touches
    set
        status = 'waiting',
        agent_id = changes.agent_id,
        given_at = now(),
        due_at = changes.due_at
    from changes
    where routing.first_touches.lead_id = changes.lead_id and changes.agent_id is not null
),

assigned as (
    update leads.assigned_leads
    set agent_id = changes.agent_id
    from changes
    where leads.assigned_leads.lead_id = changes.lead_id and changes.agent_id is not null
    returning
        leads.assigned_leads.lead_id,
        leads.assigned_leads.event_id,
        leads.assigned_leads.agent_id,
        changes.verdict
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    assigned.event_id,
    assigned.lead_id,
    :batch_id,
    'reassigned',
    jsonb_build_object('agent_id', assigned.agent_id, 'reason', 'no first touch in time') || assigned.verdict
from assigned
on conflict (event_id, kind, batch_id) do nothing;

-- name: pause_idle_agents(misses, days, reason)
-- Pause who has missed that many first touches lately, counted since they were last resumed.
update routing.agents
set
    paused = true,
    pause_reason = :reason,
    updated_at = now()
where
    not paused
    and (
        select count(*) from routing.missed_touches as missed
        where
            missed.agent_id = routing.agents.agent_id
            and missed.missed_at > greatest(now() - make_interval(days => :days), routing.agents.resumed_at)
    ) >= :misses
returning agent_id, updated_at;
