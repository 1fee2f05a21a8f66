-- Quarantine by stage, in groups that are replayed together.

alter table landing.events
add column quarantined_at timestamptz,
add column quarantine_stage text,
add column quarantine_rule text,
add column rules_version text,
add column replayed_at timestamptz,
add column hold_until timestamptz;

comment on column landing.events.quarantined_at is 'When it was last put into quarantine.';
comment on column landing.events.quarantine_stage is 'The asset that could not go on with it; landed_mails for a mail that could not be fetched whole.';
comment on column landing.events.quarantine_rule is 'The rule that judged it, where one did.';
comment on column landing.events.rules_version is 'Hash of the rules and the code that judged it last; another one in force means that it is worth another try.';
comment on column landing.events.replayed_at is 'When it was last let go from quarantine, to be judged anew. Its first arrival stays in received_at.';
comment on column landing.events.hold_until is 'Not claimed before: an old lead that came out of quarantine at night waits for working hours.';

update landing.events
set quarantined_at = landed_at, quarantine_stage = case when raw = '' then 'landed_mails' else 'staged_leads' end
where status = 'quarantined';

drop index if exists landing.events_quarantined_by_source;
create index events_quarantined on landing.events (source, quarantine_stage, reason) where status = 'quarantined';

create table ops.quarantine_groups (
    group_id bigint generated always as identity primary key,
    source text not null,
    stage text not null,
    reason text not null,
    opened_at timestamptz not null default now(),
    closed_at timestamptz,
    requested_at timestamptz,
    run_id uuid,
    run_started_at timestamptz,
    run_ended_at timestamptz,
    rules_version text,
    unique (source, stage, reason)
);

comment on table ops.quarantine_groups is 'Events that wait in quarantine for the same reason: one red run in Dagster and one alert for each group.';
comment on column ops.quarantine_groups.opened_at is 'When the group came up, or came up again after it had been empty.';
comment on column ops.quarantine_groups.closed_at is 'When nothing of it was left. Null: events wait.';
comment on column ops.quarantine_groups.requested_at is 'When a replay run was last asked for.';
comment on column ops.quarantine_groups.run_id is 'The latest replay run.';
comment on column ops.quarantine_groups.run_ended_at is 'When that run had seen what became of the events. Null: it is at work, or lost.';
comment on column ops.quarantine_groups.rules_version is 'The rules in force when a replay run was last asked for.';
