-- name: write_lead_events(batch_id, rows)!
-- Note what happened to events and leads; the same thing of the same batch is noted once.
insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    noted.event_id,
    noted.lead_id,
    :batch_id,
    noted.kind,
    coalesce(noted.detail, '{}')
from jsonb_to_recordset(:rows::jsonb) as noted (event_id bigint, lead_id bigint, kind text, detail jsonb)
on conflict (event_id, kind, batch_id) do nothing;

-- name: read_status(window_hours)^
-- The figures of the status line: volume, speed and what is still on its way.
with arrived as (
    select status
    from landing.events
    where received_at > now() - make_interval(hours => :window_hours)
),

placed as (
    select extract(epoch from assigned_at - received_at)::double precision as seconds
    from leads.assigned_leads
    where received_at > now() - make_interval(hours => :window_hours)
)

select
    (select count(*) from arrived) as events,
    (select count(*) from arrived where status = 'staged') as leads,
    (select count(*) from arrived where status = 'ignored') as ignored,
    (select count(*) from arrived where status = 'quarantined') as quarantined,
    (select count(*) from placed) as assigned,
    (select percentile_cont(0.5) within group (order by seconds) from placed) as p50_seconds,
    (select percentile_cont(0.95) within group (order by seconds) from placed) as p95_seconds,
    (select count(*) from routing.waiting_leads) as waiting_for_agent,
    (
        select count(*) from landing.events
        where status = 'pending' or lease_until is not null
    ) as under_way,
    (
        select extract(epoch from now() - min(due.received_at))::double precision
        from (
            select greatest(received_at, replayed_at, hold_until) as received_at from landing.events
            where
                (status = 'pending' or lease_until is not null)
                and (hold_until is null or hold_until <= now())
            union all
            select staged.received_at
            from routing.waiting_leads as waiting
            inner join leads.staged_leads as staged on waiting.lead_id = staged.lead_id
            union all
            select staged.received_at
            from routing.claims as claims
            inner join leads.staged_leads as staged on claims.lead_id = staged.lead_id
            where claims.status in ('announced', 'open', 'withdrawn')
        ) as due
    ) as oldest_waiting_seconds;

-- name: explain_lead(lead_id)^
-- Where a lead stands: its source, score and agent.
select
    staged.lead_id,
    staged.event_id,
    staged.channel,
    staged.source,
    staged.rule,
    staged.rule_version,
    staged.received_at,
    staged.extra ->> 'authentication' as authentication,
    normalized.sender_unproven,
    normalized.full_name,
    normalized.phone_valid,
    normalized.phone_problem,
    normalized.email_problem,
    normalized.address_problem,
    scored.score,
    scored.bucket,
    scored.contributions,
    scored.scoring_version,
    assigned.method,
    assigned.agent_id,
    agent.name as agent_name,
    assigned.assigned_at,
    waiting.reason as waiting_reason,
    inquiries.contact_id,
    inquiries.merged_into,
    claims.status as claim_status,
    claims.posted_at,
    claims.deadline_at,
    claims.claimed_at
from leads.staged_leads as staged
left join leads.normalized_leads as normalized on staged.lead_id = normalized.lead_id
left join leads.scored_leads as scored on staged.lead_id = scored.lead_id
left join leads.assigned_leads as assigned on staged.lead_id = assigned.lead_id
left join routing.agents as agent on assigned.agent_id = agent.agent_id
left join routing.waiting_leads as waiting on staged.lead_id = waiting.lead_id
left join leads.inquiries as inquiries on staged.lead_id = inquiries.lead_id
left join routing.claims as claims on staged.lead_id = claims.lead_id
where staged.lead_id = :lead_id;

-- name: list_lead_sources(lead_id)
-- Every way by which a lead has come, in order.
select
    sources.event_id,
    sources.source,
    sources.channel,
    sources.received_at,
    sources.is_first
from leads.lead_sources as sources
where sources.lead_id = :lead_id
order by sources.received_at, sources.event_id;

-- name: list_lead_events(lead_id)
-- What happened to a lead, in order.
select
    noted.happened_at,
    noted.kind,
    noted.detail,
    noted.batch_id
from ops.lead_events as noted
inner join leads.staged_leads as staged on noted.event_id = staged.event_id
where staged.lead_id = :lead_id
order by noted.happened_at, noted.lead_event_id;

-- name: count_unplaced_leads()$
-- Staged leads of the last day that nobody works on and that have found no place: there must be none.
select count(*)
from leads.staged_leads as staged
inner join landing.events as event on staged.event_id = event.event_id
where
    staged.received_at > now() - interval '1 day'
    and event.status = 'staged'
    and event.lease_until is null
    and not exists (select from leads.assigned_leads as assigned where assigned.lead_id = staged.lead_id)
    and not exists (select from routing.waiting_leads as waiting where waiting.lead_id = staged.lead_id)
    and not exists (
        select from leads.inquiries as inquiries
        where inquiries.lead_id = staged.lead_id and inquiries.merged_into is not null
    )
    -- An offer that has long ended and led to nothing is no place.
    and not exists (
        select from routing.claims as claims
        where
            claims.lead_id = staged.lead_id
            and claims.status in ('announced', 'open', 'withdrawn')
            and claims.deadline_at > now() - interval '1 minute'
    );

-- name: count_quarantined_in_batch(batch_id)
-- What the batch could not read, by reason.
select
    source,
    reason,
    count(*) as events
from landing.events
where batch_id = :batch_id and status = 'quarantined'
group by source, reason
order by events desc;

-- name: is_dbt_built(part, project_hash)$
-- Whether this state of a part of the dbt project is the one that was built here last.
select coalesce(:project_hash = (
    select project_hash from ops.dbt_builds
    where part = :part
    order by built_at desc
    limit 1
), false);

-- name: note_dbt_build(part, project_hash)!
-- Remember which state of a part of the dbt project is in force.
insert into ops.dbt_builds (part, project_hash) values (:part, :project_hash)
on conflict (part, project_hash) do update set built_at = clock_timestamp();

-- name: has_analyst_role()$
-- Whether this server has the role that analysts read with.
select exists(select from pg_roles where rolname = 'leadflow_analyst');

-- name: list_given_turns(hours)
-- Turns of the rotation that were given out lately, since an agent was last changed, by batch, pool and agent, in order.
select
    noted.batch_id,
    noted.detail ->> 'pool' as pool,
    noted.detail -> 'left' as members,
    noted.detail ->> 'agent_id' as agent_id,
    count(*) as turns
from ops.lead_events as noted
where
    noted.happened_at > greatest(
        now() - make_interval(hours => :hours), (select max(agent.updated_at) from routing.agents as agent)
    )
    and noted.kind in ('assigned', 'reassigned')
    and jsonb_exists(noted.detail, 'pool')
group by noted.batch_id, noted.detail ->> 'pool', noted.detail -> 'left', noted.detail ->> 'agent_id'
order by min(noted.lead_event_id);

-- name: list_weights()
-- How many turns each active agent has for one of an agent with weight 1.
select
    agent_id,
    weight
from routing.agents
where active;
