-- Who gets a lead.

create schema routing;

comment on schema routing is 'Agents, whose turn it is, and leads that wait for an agent.';

create table routing.agents (
    agent_id text primary key,
    name text not null,
    email text,
    phone text,
    active boolean not null default true,
    rotation_order bigint generated always as identity unique,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

comment on table routing.agents is 'The people who can be given leads.';
comment on column routing.agents.active is 'Whether the agent takes leads at present.';
comment on column routing.agents.rotation_order is 'The agent''s place in the rotation: those who joined earlier come first.';

create table routing.rotation_state (
    pool text primary key,
    last_rotation_order bigint not null,
    turns bigint not null default 0
);

comment on table routing.rotation_state is 'Whose turn it was last, per pool. The row is locked while turns are given out.';

insert into routing.rotation_state (pool, last_rotation_order) values ('default', 0);

create table routing.waiting_leads (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    reason text not null,
    waiting_since timestamptz not null default now(),
    requested_at timestamptz
);

comment on table routing.waiting_leads is 'Leads that are due to an agent while there is none. Assigned as soon as there is.';
comment on column routing.waiting_leads.requested_at is 'When a sensor last asked for a run because of this lead.';

create table leads.assigned_leads (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    event_id bigint not null unique references landing.events (event_id),
    batch_id uuid not null,
    agent_id text references routing.agents (agent_id),
    method text not null check (method in ('rotation', 'owner', 'claim', 'claim_timeout', 'drip')),
    bucket text not null check (bucket in ('low', 'standard', 'hot')),
    received_at timestamptz not null,
    assigned_at timestamptz not null default clock_timestamp(),
    check ((method = 'drip') = (agent_id is null))
);

comment on table leads.assigned_leads is 'One row per lead that has found its place: an agent, or the drip. Written once.';
comment on column leads.assigned_leads.method is 'rotation: next in turn; owner: the agent the person already has; claim: first click; claim_timeout: nobody clicked in time; drip: low score, no agent.';

create index assigned_leads_batch on leads.assigned_leads (batch_id);
create index assigned_leads_received on leads.assigned_leads (received_at);
create index assigned_leads_agent on leads.assigned_leads (agent_id, assigned_at);
