-- What became of leads, as people and CRMs tell it.

create table leads.outcomes (
    outcome_id bigint generated always as identity primary key,
    lead_id bigint not null references leads.staged_leads (lead_id),
    stage text not null check (stage in ('contacted', 'appointment', 'won', 'lost')),
    happened_at timestamptz not null,
    told_by text not null,
    recorded_at timestamptz not null default clock_timestamp(),
    unique (lead_id, stage, happened_at)
);

comment on table leads.outcomes is 'One row per stage that a lead has reached. The same news twice is one row.';
comment on column leads.outcomes.stage is 'contacted: somebody spoke or wrote with the person; appointment: they will meet; won: a deal; lost: given up.';
comment on column leads.outcomes.told_by is 'Where we have it from: file, or the CRM''s name.';
comment on column leads.outcomes.recorded_at is 'When we were told.';

create index outcomes_recorded on leads.outcomes using brin (recorded_at) with (pages_per_range = 16, autosummarize = on);
