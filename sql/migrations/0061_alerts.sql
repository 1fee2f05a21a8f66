-- Alerts: one row per cause while it lasts.

create table ops.alerts (
    alert_id bigint generated always as identity primary key,
    cause text not null,
    kind text not null,
    text text not null,
    count bigint not null default 1,
    run_id text,
    revision integer not null default 1,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    resolved_at timestamptz,
    told_revision integer not null default 0,
    told_at timestamptz,
    queued_revision integer not null default 0,
    queued_at timestamptz,
    queuings integer not null default 0,
    channel text,
    message_ts text
);

comment on table ops.alerts is 'One row per cause of worry, from its first appearance until it is over; never a lead''s words.';
comment on column ops.alerts.cause is 'Names the cause: the same cause is the same alert as long as it lasts.';
comment on column ops.alerts.kind is 'What sort of cause it is, and the name of its page in docs/runbook/.';
comment on column ops.alerts.count is 'How many events, runs, ticks or effects the cause has touched.';
comment on column ops.alerts.run_id is 'The run to look at.';
comment on column ops.alerts.revision is 'Goes up with every change worth telling.';
comment on column ops.alerts.resolved_at is 'When it was over. Null: it lasts.';
comment on column ops.alerts.told_revision is 'What people have been told last.';
comment on column ops.alerts.queued_revision is 'What was last given to the outbox.';
comment on column ops.alerts.queuings is 'How often it was given to the outbox: part of the effect''s key.';
comment on column ops.alerts.message_ts is 'Slack''s id of the message within its channel: it is changed, not followed by others.';

create unique index alerts_open on ops.alerts (cause) where resolved_at is null;
create index alerts_first_seen on ops.alerts (first_seen_at);

create table ops.failed_runs (
    run_id text primary key,
    job text not null,
    step text,
    error text,
    failed_at timestamptz not null default now()
);

comment on table ops.failed_runs is 'Runs that failed in Dagster, each once, whoever saw it.';
comment on column ops.failed_runs.error is 'The kind of error, never its text.';

create index failed_runs_at on ops.failed_runs (failed_at);
