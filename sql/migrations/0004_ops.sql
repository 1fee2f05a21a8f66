-- What happened, and why.

create schema ops;

comment on schema ops is 'The record of what happened, and the pipeline''s own bookkeeping.';

create table ops.lead_events (
    lead_event_id bigint generated always as identity primary key,
    event_id bigint not null references landing.events (event_id),
    lead_id bigint references leads.staged_leads (lead_id),
    batch_id uuid not null,
    kind text not null check (
        kind in ('staged', 'ignored', 'quarantined', 'scored', 'waiting', 'assigned')
    ),
    detail jsonb not null default '{}',
    happened_at timestamptz not null default clock_timestamp(),
    unique (event_id, kind, batch_id)
);

comment on table ops.lead_events is 'What happened to each lead and why, in order. `leadflow explain` prints it.';
comment on column ops.lead_events.detail is 'Reasons, ids and figures; never the lead''s own words.';

create index lead_events_lead on ops.lead_events (lead_id);

create table ops.dbt_builds (
    project_hash text primary key,
    built_at timestamptz not null default now()
);

comment on table ops.dbt_builds is 'The state of dbt_scoring/ that was last built and tested here; an unchanged project is not built again.';
