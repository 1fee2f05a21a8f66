-- name: lock_rotation(pool)^
-- How many turns were given out, and the time; whoever holds this row is alone in giving out leads.
select
    turns,
    next_card_at,
    clock_timestamp() as now
from routing.rotation_state
where pool = :pool
for update;

-- name: list_due_leads(batch_id, closed)
-- Scored leads without a place, or in the drip and no longer low: the batch's own, those that wait for an agent, and
-- those whose offer has just ended.
select facts.*
from routing.lead_facts as facts
where
    -- One array of ids, so that the leads are found by their key and not looked for among all.
    facts.lead_id = any(
        array(
            select own.lead_id from leads.scored_leads as own
            where own.batch_id = :batch_id
            union
            select waiting.lead_id from routing.waiting_leads as waiting
            union
            select closed.lead_id from unnest(:closed::bigint[]) as closed (lead_id)
        )
    )
    and not exists (
        select from leads.assigned_leads as assigned
        where assigned.lead_id = facts.lead_id and (assigned.method <> 'drip' or facts.bucket = 'low')
    )
    and not exists (
        select from leads.inquiries as inquiries
        where inquiries.lead_id = facts.lead_id and inquiries.merged_into is not null
    )
    and (facts.offer_status is null or facts.offer_status not in ('announced', 'open', 'withdrawn'))
order by facts.received_at, facts.lead_id;

-- name: write_assigned_leads(batch_id, rows)
-- Give each lead its place, and take it off the waiting list. A place with an agent is for ever, one in the drip may
-- become one with an agent.
with decided as (
    select
        decision.lead_id,
        decision.agent_id,
        decision.method,
        decision.verdict
    from jsonb_to_recordset(:rows::jsonb) as decision (lead_id bigint, agent_id text, method text, verdict jsonb)
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
        assigned.event_id,
        assigned.lead_id,
        :batch_id,
        'assigned',
        jsonb_build_object('agent_id', assigned.agent_id, 'method', assigned.method) || decided.verdict
    from assigned
    inner join decided on assigned.lead_id = decided.lead_id
    on conflict (event_id, kind, batch_id) do nothing
)

select
    lead_id,
    agent_id,
    method,
    extract(epoch from assigned_at - received_at)::double precision as seconds
from assigned;

-- name: write_waiting_leads(batch_id, rows)
-- Note which leads wait for an agent, and why; gives those that have begun to.
with decided as (
    select
        decision.lead_id,
        decision.reason,
        decision.verdict
    from jsonb_to_recordset(:rows::jsonb) as decision (lead_id bigint, reason text, verdict jsonb)
),

waiting as (
    insert into routing.waiting_leads (lead_id, reason)
    select
        decided.lead_id,
        decided.reason
    from decided
    on conflict (lead_id) do nothing
    returning lead_id, reason
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        staged.event_id,
        staged.lead_id,
        :batch_id,
        'waiting',
        jsonb_build_object('reason', waiting.reason) || decided.verdict
    from waiting
    inner join decided on waiting.lead_id = decided.lead_id
    inner join leads.staged_leads as staged on waiting.lead_id = staged.lead_id
    on conflict (event_id, kind, batch_id) do nothing
)

select
    lead_id,
    reason
from waiting;

-- name: read_pools()
-- How far each pool is in its rotation.
select
    pool,
    weights,
    served
from routing.pools;

-- name: save_turns(pool, turns, next_card_at, pools, last_turns)!
-- Remember whose turn it was; only for the holder of the row's lock.
with pools as (
    insert into routing.pools (pool, weights, served)
    select
        changed.pool,
        changed.weights,
        changed.served
    from jsonb_to_recordset(:pools::jsonb) as changed (pool text, weights jsonb, served jsonb)
    on conflict (pool) do update
        set
            weights = excluded.weights,
            served = excluded.served,
            changed_at = now()
),

last_turns as (
    insert into routing.last_turns (agent_id, last_turn)
    select
        served.agent_id,
        served.last_turn
    from jsonb_to_recordset(:last_turns::jsonb) as served (agent_id text, last_turn bigint)
    on conflict (agent_id) do update set last_turn = excluded.last_turn
)

update routing.rotation_state
set
    turns = turns + :turns,
    next_card_at = :next_card_at
where pool = :pool;

-- name: list_agents_for_routing()
-- Active agents in the order they joined, with what routing looks at.
select
    agent.agent_id,
    agent.rotation_order,
    coalesce(last_turns.last_turn, 0) as last_turn,
    agent.weight,
    agent.slack_id,
    agent.territories,
    agent.price_low,
    agent.price_high,
    agent.lead_types,
    agent.languages,
    agent.listings,
    agent.time_zone,
    agent.working_hours,
    agent.time_off,
    agent.paused,
    agent.cap_open,
    agent.cap_per_day
from routing.agents as agent
left join routing.last_turns as last_turns on agent.agent_id = last_turns.agent_id
where agent.active
order by agent.rotation_order;

-- name: list_agents_own_keys()
-- Addresses and numbers of agents; who writes them into a form is not to be recognised by them.
select
    email,
    phone
from routing.agents
where email is not null or phone is not null;

-- name: count_loads(rows, open_days)
-- How much agents with caps have: leads since their midnight, and leads of late that they have not touched yet.
select
    asked.agent_id,
    count(*) filter (where assigned.assigned_at >= asked.day_start) as leads_today,
    count(*) filter (
        where not exists (
            select from routing.touches as touches
            where touches.lead_id = assigned.lead_id and touches.agent_id = assigned.agent_id
        )
    ) as open_leads
from jsonb_to_recordset(:rows::jsonb) as asked (agent_id text, day_start timestamptz)
inner join leads.assigned_leads as assigned
    on
        asked.agent_id = assigned.agent_id
        and assigned.assigned_at >= least(asked.day_start, now() - make_interval(days => :open_days))
group by asked.agent_id;

-- name: ask_for_waiting_leads(patience_seconds, pause_seconds)!
-- Mark the leads that wait for an agent while there is one, unless that was done lately; a run takes all of them. Agents
-- who are there and still take nothing (a cap, a day off) are asked again only after a pause.
update routing.waiting_leads
set requested_at = now()
where
    (
        requested_at is null
        or requested_at < now() - make_interval(
            secs => case when waiting_since > now() - interval '1 minute' then :patience_seconds::integer else :pause_seconds::integer end
        )
    )
    and exists (select from routing.agents where active and not paused);

-- name: wake_waiting_leads()!
-- Let the leads that wait for an agent be looked at anew, because the agents have changed.
update routing.waiting_leads set requested_at = null;
