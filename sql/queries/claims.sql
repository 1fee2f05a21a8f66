-- name: close_claims(most)
-- End the offers whose time is over, for good: a click that comes later is too late. Gives their leads.
with ended as (
    select lead_id
    from routing.claims
    where status in ('announced', 'open', 'withdrawn') and deadline_at <= clock_timestamp()
    order by deadline_at
    limit :most
    for update skip locked
)

update routing.claims
set status = 'timed_out'
from ended
where routing.claims.lead_id = ended.lead_id
returning routing.claims.lead_id;

-- name: write_claims(batch_id, rows)
-- Offer leads, each once and for ever; gives those that are new.
with decided as (
    select
        decision.lead_id,
        decision.post_at,
        decision.post_until,
        decision.verdict
    from
        jsonb_to_recordset(:rows::jsonb)
            as decision (lead_id bigint, post_at timestamptz, post_until timestamptz, verdict jsonb)
),

claims as (
    insert into routing.claims (lead_id, post_at, deadline_at)
    select
        decided.lead_id,
        decided.post_at,
        decided.post_until
    from decided
    on conflict do nothing
    returning lead_id
),

no_longer_waiting as (
    delete from routing.waiting_leads
    using claims
    where routing.waiting_leads.lead_id = claims.lead_id
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        staged.event_id,
        staged.lead_id,
        :batch_id,
        'offered',
        decided.verdict
    from claims
    inner join decided on claims.lead_id = decided.lead_id
    inner join leads.staged_leads as staged on claims.lead_id = staged.lead_id
    on conflict (event_id, kind, batch_id) do nothing
)

select lead_id from claims;

-- name: ask_for_ended_claims(patience_seconds)!
-- Mark the offers whose time is over, unless that was done lately; a run takes all of them.
update routing.claims
set requested_at = now()
where
    status in ('announced', 'open', 'withdrawn')
    and deadline_at <= clock_timestamp()
    and (requested_at is null or requested_at < now() - make_interval(secs => :patience_seconds));

-- name: read_seconds_to_next_claim()$
-- How long until an offer ends; null when there is none.
select extract(epoch from min(deadline_at) - clock_timestamp())::double precision
from routing.claims
where status in ('announced', 'open', 'withdrawn') and requested_at is null;

-- name: read_card(lead_id)^
-- What a card shows: the offer, the lead's facts, its score, and who was first.
select
    facts.*,
    claims.status,
    claims.posted_at,
    claims.deadline_at,
    claims.claimed_at,
    claims.channel,
    claims.message_ts,
    agent.name as agent_name,
    agent.slack_id as agent_slack_id,
    extract(epoch from claims.claimed_at - claims.posted_at)::double precision as claim_seconds
from routing.card_facts as facts
left join routing.claims as claims on facts.lead_id = claims.lead_id
left join routing.agents as agent on facts.agent_id = agent.agent_id
where facts.lead_id = :lead_id;

-- name: read_claim_to_post(lead_id)^
-- Whether a card has still to be posted, and the time.
select
    claims.status,
    claims.message_ts,
    claims.deadline_at,
    claims.announced_at,
    staged.received_at,
    clock_timestamp() as now
from routing.claims as claims
inner join leads.staged_leads as staged on claims.lead_id = staged.lead_id
where claims.lead_id = :lead_id;

-- name: take_place_in_channel(pool, pace_seconds, longest_seconds)$
-- The seconds to wait until the channel takes the next card, and the place is taken; null when that is too long.
update routing.rotation_state
set last_card_at = greatest(clock_timestamp(), last_card_at + make_interval(secs => :pace_seconds))
where
    pool = :pool
    and coalesce(
        last_card_at + make_interval(secs => :pace_seconds)
        <= clock_timestamp() + make_interval(secs => :longest_seconds),
        true
    )
returning greatest(0, extract(epoch from last_card_at - clock_timestamp()))::double precision;

-- name: note_card(lead_id, channel, message_ts, posted_at, closes_at)!
-- The card is out: its window counts from now. A claim that was quicker than this note stays a claim.
update routing.claims
set
    status = case when status = 'announced' then 'open' else status end,
    posted_at = :posted_at,
    deadline_at = case when status = 'announced' then :closes_at else deadline_at end,
    channel = :channel,
    message_ts = :message_ts,
    requested_at = null
where lead_id = :lead_id and message_ts is null;

-- name: withdraw_claim(lead_id, reason)!
-- The card cannot be posted: the lead goes to the rotation at once.
with withdrawn as (
    update routing.claims
    set
        status = 'withdrawn',
        reason = :reason,
        deadline_at = clock_timestamp()
    where lead_id = :lead_id and status = 'announced'
    returning lead_id
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    staged.event_id,
    staged.lead_id,
    scored.batch_id,
    'withdrawn',
    jsonb_build_object('reason', :reason::text)
from withdrawn
inner join leads.staged_leads as staged on withdrawn.lead_id = staged.lead_id
inner join leads.scored_leads as scored on withdrawn.lead_id = scored.lead_id
on conflict (event_id, kind, batch_id) do nothing;

-- name: read_click(lead_id, slack_user)^
-- Who clicked, with what can keep them from claiming, and how the offer stands; nulls where there is none.
select
    agent.agent_id,
    agent.rotation_order,
    0::bigint as last_turn,
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
    agent.cap_per_day,
    agent.active,
    now() as now,
    claims.status,
    claims.agent_id as claimed_by,
    extract(epoch from claims.claimed_at - coalesce(claims.posted_at, claims.announced_at))::double precision as seconds,
    holder.name as agent_name
from (values (:lead_id::bigint)) as asked (lead_id)
left join routing.agents as agent on agent.slack_id = :slack_user
left join routing.claims as claims on asked.lead_id = claims.lead_id
left join leads.assigned_leads as assigned on asked.lead_id = assigned.lead_id
left join routing.agents as holder on coalesce(claims.agent_id, assigned.agent_id) = holder.agent_id;

-- name: find_agent_in_slack(slack_user)$
-- Whose Slack id this is.
select agent_id from routing.agents
where slack_id = :slack_user;

-- name: lock_claimer(agent_id)!
-- Let one click of an agent with caps be decided at a time.
select agent_id from routing.agents
where agent_id = :agent_id
for no key update;

-- name: claim_lead(lead_id, agent_id)^
-- The decision: the first to change this row has the lead. No row comes back for anybody else.
update routing.claims
set
    status = 'claimed',
    agent_id = :agent_id,
    claimed_at = clock_timestamp()
where lead_id = :lead_id and status in ('announced', 'open') and deadline_at > clock_timestamp()
returning
    lead_id,
    extract(epoch from claimed_at - coalesce(posted_at, announced_at))::double precision as seconds;

-- name: assign_claimed_lead(lead_id, agent_id, seconds)!
-- Give the lead to whoever was first, in the transaction of the claim.
with assigned as (
    insert into leads.assigned_leads (lead_id, event_id, batch_id, agent_id, method, bucket, received_at)
    select
        staged.lead_id,
        staged.event_id,
        scored.batch_id,
        :agent_id,
        'claim',
        scored.bucket,
        staged.received_at
    from leads.staged_leads as staged
    inner join leads.scored_leads as scored on staged.lead_id = scored.lead_id
    where staged.lead_id = :lead_id
    on conflict (lead_id) do update
        set
            agent_id = excluded.agent_id,
            method = excluded.method,
            bucket = excluded.bucket,
            passed_on_at = clock_timestamp()
        where leads.assigned_leads.method = 'drip'
    returning lead_id, event_id, batch_id, agent_id, method
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    event_id,
    lead_id,
    batch_id,
    'assigned',
    jsonb_build_object('agent_id', agent_id, 'method', method, 'seconds_to_claim', round(:seconds::numeric, 1))
from assigned
on conflict (event_id, kind, batch_id) do nothing;

-- name: read_claim_state(lead_id)^
-- Who was first, or how it stands.
select
    claims.status,
    claims.agent_id as claimed_by,
    extract(epoch from claims.claimed_at - coalesce(claims.posted_at, claims.announced_at))::double precision as seconds,
    assigned.agent_id,
    agent.name as agent_name
from routing.claims as claims
left join leads.assigned_leads as assigned on claims.lead_id = assigned.lead_id
left join routing.agents as agent on coalesce(claims.agent_id, assigned.agent_id) = agent.agent_id
where claims.lead_id = :lead_id;

-- name: note_claim_attempt(lead_id, slack_user, agent_id, outcome, reason)!
-- Keep a click, whatever it came to.
insert into routing.claim_attempts (lead_id, slack_user, agent_id, outcome, reason)
values (:lead_id, :slack_user, :agent_id, :outcome, :reason);

-- name: read_message_facts(lead_id, agent_id)^
-- What an agent is told of a lead that has its place; whose it is by now is among it.
select
    facts.*,
    agent.name as agent_name,
    agent.slack_id as agent_slack_id
from routing.card_facts as facts
inner join routing.agents as agent on agent.agent_id = :agent_id
where facts.lead_id = :lead_id and facts.method is not null;
