-- What vendors answered, kept as long as their terms allow, and what of it belongs to a lead.

create table vendors.answers (
    vendor text not null,
    request_key text not null,
    status text not null default 'asked' check (status in ('asked', 'found', 'none')),
    facts jsonb,
    reason text,
    is_paid boolean not null default false,
    attempts integer not null default 0,
    claim_token uuid,
    claimed_until timestamptz,
    asked_at timestamptz not null default clock_timestamp(),
    answered_at timestamptz,
    expires_at timestamptz,
    primary key (vendor, request_key)
);

comment on table vendors.answers is 'One row per question to a vendor: the cache, and the claim that keeps two from paying for one answer.';
comment on column vendors.answers.request_key is 'What was asked for, in one spelling: an address, an e-mail, a phone number, a name with its place.';
comment on column vendors.answers.status is 'asked: no answer yet; found; none: the vendor knows nothing, or cannot use what it was asked.';
comment on column vendors.answers.facts is 'What is kept of the answer; null unless found.';
comment on column vendors.answers.reason is 'Why there is none, or what the last failed try came to.';
comment on column vendors.answers.is_paid is 'Whether an answer was billed already: the vendor queued it, and asking again costs nothing.';
comment on column vendors.answers.claimed_until is 'Until when somebody is asking, or when it may be asked again.';
comment on column vendors.answers.expires_at is 'When the answer is forgotten and would have to be asked for anew.';

create index answers_expire on vendors.answers (expires_at) where expires_at is not null;

alter table leads.enriched_leads
add column if not exists formatted_address text,
add column if not exists place_id text,
add column if not exists latitude double precision,
add column if not exists longitude double precision,
add column if not exists county text,
add column if not exists zip text,
add column if not exists geocoded_at timestamptz,
add column if not exists company text,
add column if not exists job_title text,
add column if not exists seniority text,
add column if not exists social_profiles jsonb not null default '{}',
add column if not exists location text,
add column if not exists enriched_by text,
add column if not exists waits_for jsonb not null default '[]',
add column if not exists tried_at timestamptz not null default now();

comment on column leads.enriched_leads.formatted_address is 'The address as the geocoder writes it. Forgotten with the coordinates and the county.';
comment on column leads.enriched_leads.place_id is 'The geocoder''s id of the place; may be kept for good.';
comment on column leads.enriched_leads.latitude is 'Degrees north; forgotten after as many days as the geocoder''s terms allow.';
comment on column leads.enriched_leads.longitude is 'Degrees east; forgotten with the latitude.';
comment on column leads.enriched_leads.county is 'The county, as territories name it: Travis County.';
comment on column leads.enriched_leads.zip is 'The ZIP code the geocoder found; the one that was written stays in normalized_leads.';
comment on column leads.enriched_leads.geocoded_at is 'When the geocoder''s answer was added, whatever it was. Null: it was not asked yet, or there was nothing to ask.';
comment on column leads.enriched_leads.social_profiles is 'Addresses of profiles, by network.';
comment on column leads.enriched_leads.location is 'Where the person is, as the provider writes it.';
comment on column leads.enriched_leads.enriched_by is 'The provider that told company, job_title, seniority, social_profiles and location; all from one.';
comment on column leads.enriched_leads.waits_for is 'A list of the vendors whose answer is still to come; late_enrichment fetches it.';
comment on column leads.enriched_leads.tried_at is 'When an answer was last asked for.';
comment on column leads.enriched_leads.enriched_at is 'When the row last changed.';

create index enriched_leads_waiting on leads.enriched_leads (tried_at) where waits_for <> '[]';
create index enriched_leads_geocoded on leads.enriched_leads (geocoded_at) where latitude is not null;

alter table leads.assigned_leads add column passed_on_at timestamptz;

comment on column leads.assigned_leads.passed_on_at is
'When a lead that had its place in the drip was given to an agent after all, because more became known of it; assigned_at stays.';
