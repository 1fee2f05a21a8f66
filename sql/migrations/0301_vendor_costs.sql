-- What vendors' answers cost, lead by lead: so that the cost of a source can be told.

alter table vendors.answers add column cost_to_book numeric not null default 0;

comment on column vendors.answers.cost_to_book is 'US dollars that this answer cost and that no lead has been charged with yet.';

create index answers_unbooked on vendors.answers (vendor, request_key) where cost_to_book > 0;

create table vendors.lead_costs (
    lead_cost_id bigint generated always as identity primary key,
    lead_id bigint not null references leads.staged_leads (lead_id),
    vendor text not null,
    cost numeric not null,
    booked_at timestamptz not null default now()
);

comment on table vendors.lead_costs is 'One row per answer that was paid for: the first lead that it was asked for bears the cost, others have it from the cache.';
comment on column vendors.lead_costs.cost is 'US dollars, by the unit costs in vendors.budgets.';
comment on column vendors.lead_costs.booked_at is 'When the answer was added to the lead.';

create index lead_costs_lead on vendors.lead_costs (lead_id);

comment on column ops.lead_events.kind is 'staged, ignored, quarantined, enriched (who answered, and what it cost), scored, merged (a copy of another lead), offered (in Slack), withdrawn, waiting, assigned, reminded, reassigned, touched.';
