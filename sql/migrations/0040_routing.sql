-- What agents take, turns per pool, claims, who is who, and what became of an assignment.

alter table routing.agents
add column slack_id text unique,
add column crm_ids jsonb not null default '{}',
add column weight integer not null default 1 check (weight between 1 and 100),
add column territories text[] not null default '{}',
add column price_low numeric check (price_low >= 0),
add column price_high numeric check (price_high >= price_low),
add column lead_types text[] not null default '{}' check (lead_types <@ array['buyer', 'seller', 'renter']),
add column languages text[] not null default '{}',
add column listings text[] not null default '{}',
add column time_zone text not null default 'UTC',
add column working_hours text not null default '',
add column time_off text not null default '',
add column cap_open integer check (cap_open >= 0),
add column cap_per_day integer check (cap_per_day >= 0),
add column paused boolean not null default false,
add column pause_reason text,
add column resumed_at timestamptz;

comment on column routing.agents.active is 'Whether the agent belongs to those who take leads. Somebody who has left is not active.';
comment on column routing.agents.slack_id is 'Their Slack user id (U…). Without it they can claim nothing.';
comment on column routing.agents.crm_ids is 'Their id in each CRM: {"followupboss": "12", "hubspot": "345"}.';
comment on column routing.agents.weight is 'How many turns they have for one of an agent with weight 1.';
comment on column routing.agents.territories is '78704: a ZIP code; 787*: ZIP codes that begin so; Austin, TX: a city; Travis County: a county. Empty: everywhere.';
comment on column routing.agents.price_low is 'The cheapest purchase they take, in US dollars. Null: any.';
comment on column routing.agents.lead_types is 'buyer, seller, renter. Empty: all.';
comment on column routing.agents.languages is 'ISO 639-1 codes: en, es. Empty: all.';
comment on column routing.agents.listings is 'MLS numbers of their own listings: who asks about one goes to them.';
comment on column routing.agents.working_hours is 'Mon-Fri 09:00-17:00; Sat 10:00-14:00, on the clock of time_zone. Empty: always.';
comment on column routing.agents.time_off is '2026-12-24..2026-12-26; 2027-01-01. Days on which they are given nothing.';
comment on column routing.agents.cap_open is 'They are given nothing while they have so many open leads. Null: no limit.';
comment on column routing.agents.cap_per_day is 'They are given no more than so many leads between two midnights of their own. Null: no limit.';
comment on column routing.agents.paused is 'Given nothing for the time being, by their own wish or because leads were not worked.';

comment on column routing.agents.resumed_at is 'When their last pause ended; what they missed before counts no longer.';

alter table routing.rotation_state
drop column last_rotation_order,
add column next_card_at timestamptz,
add column last_card_at timestamptz;

comment on table routing.rotation_state is 'One row that is locked while leads are given out.';
comment on column routing.rotation_state.turns is 'How many turns were given out so far, over all pools.';
comment on column routing.rotation_state.next_card_at is 'When the hot channel takes the next card, as far as cards are announced.';
comment on column routing.rotation_state.last_card_at is 'When the last card went out or will: cards follow each other at the pace Slack takes.';

create table routing.pools (
    pool text primary key,
    weights jsonb not null,
    served jsonb not null,
    changed_at timestamptz not null default now()
);

comment on table routing.pools is 'How far each pool is in its rotation. A pool is the agents whom a kind of lead suits.';
comment on column routing.pools.pool is 'Hash of the ids of the agents whom the leads suit, there or not.';
comment on column routing.pools.weights is 'Those who were available last, with their weights. When they change the pool begins anew.';
comment on column routing.pools.served is 'How many turns each has had in the current period.';

create table routing.last_turns (
    agent_id text primary key references routing.agents (agent_id) on delete cascade,
    last_turn bigint not null
);

comment on table routing.last_turns is 'The number of the last turn each agent had, over all pools: who was served least lately goes first among equals.';

create table routing.claims (
    lead_id bigint primary key references leads.staged_leads (lead_id) on delete cascade,
    status text not null default 'announced' check (
        status in ('announced', 'open', 'claimed', 'timed_out', 'withdrawn')
    ),
    announced_at timestamptz not null default clock_timestamp(),
    post_at timestamptz not null,
    posted_at timestamptz,
    deadline_at timestamptz not null,
    claimed_at timestamptz,
    agent_id text references routing.agents (agent_id),
    channel text,
    message_ts text,
    reason text,
    requested_at timestamptz
);

comment on table routing.claims is 'Hot leads that are offered in Slack. One conditional update on a row decides who gets it.';
comment on column routing.claims.status is 'announced: its card is on the way; open: the card is posted; claimed: an agent was first; timed_out: nobody was, rotation; withdrawn: the card could not be posted, rotation.';
comment on column routing.claims.post_at is 'When its card is due, so that the channel gets no more than it takes.';
comment on column routing.claims.deadline_at is 'While announced: when the card has to be out. Once posted: when the window ends.';
comment on column routing.claims.claimed_at is 'When the first click was.';
comment on column routing.claims.agent_id is 'Who was first.';
comment on column routing.claims.channel is 'Slack''s id of the channel that the card is in.';
comment on column routing.claims.message_ts is 'Slack''s id of the card within its channel.';
comment on column routing.claims.reason is 'Why it was withdrawn.';
comment on column routing.claims.requested_at is 'When a sensor last asked for a run because of it.';

create index claims_open on routing.claims (deadline_at) where status in ('announced', 'open', 'withdrawn');

create table routing.claim_attempts (
    claim_attempt_id bigint generated always as identity primary key,
    lead_id bigint not null references leads.staged_leads (lead_id) on delete cascade,
    slack_user text not null,
    agent_id text references routing.agents (agent_id),
    outcome text not null check (outcome in ('won', 'again', 'lost', 'late', 'refused')),
    reason text,
    clicked_at timestamptz not null default clock_timestamp()
);

comment on table routing.claim_attempts is 'One row per click on Claim, whatever it came to.';
comment on column routing.claim_attempts.outcome is 'won: was first; again: had won before; lost: somebody else was first; late: the window had ended; refused: may not claim, see reason.';

create index claim_attempts_lead on routing.claim_attempts (lead_id);

-- Who is who.

create table leads.contacts (
    contact_id bigint primary key,
    name text,
    known_since timestamptz not null default now()
);

comment on table leads.contacts is 'One row per person. Their agent is the one who was given their last lead.';
comment on column leads.contacts.contact_id is 'The id of their first lead.';

create table leads.contact_keys (
    kind text not null check (kind in ('email', 'role email', 'phone')),
    value text not null,
    contact_id bigint not null references leads.contacts (contact_id) on delete cascade,
    primary key (kind, value, contact_id)
);

comment on table leads.contact_keys is 'By what a person is recognised. A shared number can belong to several people, told apart by their names.';

create index contact_keys_contact on leads.contact_keys (contact_id);

create table leads.inquiries (
    lead_id bigint primary key references leads.staged_leads (lead_id) on delete cascade,
    contact_id bigint not null references leads.contacts (contact_id) on delete cascade,
    received_at timestamptz not null,
    properties jsonb not null default '[]',
    merged_into bigint references leads.staged_leads (lead_id),
    merged_at timestamptz
);

comment on table leads.inquiries is 'One row per lead whose person can be recognised.';
comment on column leads.inquiries.properties is 'By what the property is recognised: pairs of kind and value.';
comment on column leads.inquiries.merged_into is 'The lead that this one is another copy of: it has its own source and nothing else. Null: a lead of its own.';

create index inquiries_contact on leads.inquiries (contact_id, received_at);
create index inquiries_merged on leads.inquiries (merged_into) where merged_into is not null;

create view leads.lead_sources as
select
    coalesce(inquiries.merged_into, staged.lead_id) as lead_id,
    staged.event_id,
    staged.channel,
    staged.source,
    staged.rule,
    staged.received_at,
    inquiries.merged_into is null as is_first
from leads.staged_leads as staged
left join leads.inquiries as inquiries on staged.lead_id = inquiries.lead_id;

comment on view leads.lead_sources is 'Every way by which a lead has come: one row per event.';

-- What became of an assignment.

create table routing.touches (
    lead_id bigint not null references leads.staged_leads (lead_id) on delete cascade,
    agent_id text not null references routing.agents (agent_id),
    touched_at timestamptz not null default clock_timestamp(),
    source text not null check (source in ('slack', 'crm', 'command')),
    primary key (lead_id, agent_id)
);

comment on table routing.touches is 'First contact of an agent with a lead that is theirs.';
comment on column routing.touches.source is 'slack: the button I''ve called; crm: an event of a CRM; command: leadflow outcomes.';

create table routing.first_touches (
    lead_id bigint primary key references leads.staged_leads (lead_id) on delete cascade,
    agent_id text not null references routing.agents (agent_id),
    given_at timestamptz not null,
    due_at timestamptz not null,
    status text not null default 'waiting' check (status in ('waiting', 'reminded', 'touched', 'missed', 'given_up')),
    requested_at timestamptz
);

comment on table routing.first_touches is 'The first-touch timer of each assigned lead. Empty unless LEADFLOW_FIRST_TOUCH_MINUTES is set.';
comment on column routing.first_touches.agent_id is 'Who has the lead now.';
comment on column routing.first_touches.due_at is 'When a touch is due, counted in the agent''s working hours; once reminded, when the lead goes to another.';
comment on column routing.first_touches.status is 'waiting, reminded: still due; touched: in time or late, but done; given_up: nobody else to give it to, or given on often enough.';

create index first_touches_due on routing.first_touches (due_at) where status in ('waiting', 'reminded');

create table routing.missed_touches (
    lead_id bigint not null references leads.staged_leads (lead_id) on delete cascade,
    agent_id text not null references routing.agents (agent_id),
    missed_at timestamptz not null default now(),
    primary key (lead_id, agent_id)
);

comment on table routing.missed_touches is 'Leads that were taken from an agent because nobody touched them in time.';

create index missed_touches_agent on routing.missed_touches (agent_id, missed_at);

comment on table leads.assigned_leads is 'One row per lead that has found its place: an agent, or the drip. Written once; only the agent changes when a lead that nobody called is given to another.';

-- The kinds of what happens are a growing list; the record takes what its writers name.
alter table ops.lead_events drop constraint lead_events_kind_check;

comment on column ops.lead_events.kind is 'staged, ignored, quarantined, scored, merged (a copy of another lead), offered (in Slack), withdrawn, waiting, assigned, reminded, reassigned, touched.';

alter table leads.enriched_leads
add column if not exists county text,
add column if not exists zip text;

comment on column leads.enriched_leads.county is 'The county of the address, as the geocoder names it.';
comment on column leads.enriched_leads.zip is 'The ZIP code of the address, as the geocoder names it.';
