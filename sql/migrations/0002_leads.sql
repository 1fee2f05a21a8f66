-- One table per asset, same name. A stage reads the rows of its batch from the stage before and upserts its own.

create schema leads;

comment on schema leads is 'The lead on its way, one table per asset.';

create table leads.staged_leads (
    lead_id bigint generated always as identity primary key,
    event_id bigint not null unique references landing.events (event_id),
    batch_id uuid not null,
    channel text not null,
    source text not null,
    rule text not null,
    rule_version integer not null,
    received_at timestamptz not null,
    name text,
    first_name text,
    last_name text,
    email text,
    relay_email text,
    phone text,
    address text,
    message text,
    budget text,
    lead_type text,
    timeframe text,
    property_address text,
    property_mls_id text,
    property_price text,
    property_url text,
    origins jsonb not null default '{}',
    extra jsonb not null default '{}',
    staged_at timestamptz not null default now()
);

comment on table leads.staged_leads is 'One row per lead: what its source said, as it said it.';
comment on column leads.staged_leads.rule is 'The mail rule or form adapter that read it.';
comment on column leads.staged_leads.origins is 'For each field, what in the source gave it.';
comment on column leads.staged_leads.extra is 'What the source said beyond the known fields.';

create index staged_leads_batch on leads.staged_leads (batch_id);
create index staged_leads_received on leads.staged_leads (received_at);

create table leads.normalized_leads (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    batch_id uuid not null,
    full_name text,
    first_name text,
    last_name text,
    email text,
    email_problem text,
    email_kind text,
    email_suggestion text,
    relay_email text,
    phone_e164 text,
    phone_extension text,
    phone_valid boolean not null,
    phone_problem text,
    phone_kind text,
    other_phones jsonb not null default '[]',
    address text,
    street text,
    unit text,
    city text,
    state text,
    zip text,
    address_problem text,
    property_address text,
    property_city text,
    property_state text,
    property_zip text,
    property_mls_id text,
    property_price numeric,
    property_url text,
    budget_low numeric,
    budget_high numeric,
    budget numeric,
    rent_monthly numeric,
    lead_type text,
    timeframe text,
    message text,
    normalized_at timestamptz not null default now()
);

comment on table leads.normalized_leads is 'One row per lead: clean facts. The originals stay in staged_leads.';
comment on column leads.normalized_leads.budget is 'What the person would pay to buy: the upper end where a range was given. US dollars.';
comment on column leads.normalized_leads.rent_monthly is 'What the person would pay a month to rent. US dollars.';

create index normalized_leads_batch on leads.normalized_leads (batch_id);

create table leads.enriched_leads (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    batch_id uuid not null,
    address_verified boolean not null default false,
    enriched_at timestamptz not null default now()
);

comment on table leads.enriched_leads is 'One row per lead that outside sources told us more about. A lead without a row is scored without it.';
comment on column leads.enriched_leads.address_verified is 'Whether a geocoder found the address itself, not just its street or town.';

create table leads.scored_leads (
    lead_id bigint primary key references leads.staged_leads (lead_id),
    batch_id uuid not null,
    score integer not null,
    bucket text not null check (bucket in ('low', 'standard', 'hot')),
    contributions jsonb not null,
    scoring_version text not null,
    scored_at timestamptz not null default now()
);

comment on table leads.scored_leads is 'One row per lead: its score, and the rules that gave it.';
comment on column leads.scored_leads.bucket is 'low: nurtured by mail; standard: to an agent; hot: to an agent at once.';
comment on column leads.scored_leads.contributions is 'The rules that gave points: rule, points, evidence.';
comment on column leads.scored_leads.scoring_version is 'Hash of the weights, keywords and thresholds that were in force.';

create index scored_leads_batch on leads.scored_leads (batch_id);
