-- name: raise_alerts(rows, reopen_seconds)!
-- Open an alert for each cause, or bring the open one up to date; one that was over a moment ago goes on.
with caused as (
    select
        cause.cause,
        cause.kind,
        cause.text,
        cause.count,
        cause.run_id
    from jsonb_to_recordset(:rows::jsonb) as cause (cause text, kind text, text text, count bigint, run_id text)
),

latest as (
    select distinct on (alert.cause)
        alert.alert_id,
        alert.cause
    from ops.alerts as alert
    inner join caused on alert.cause = caused.cause
    where alert.resolved_at is null or alert.resolved_at > now() - make_interval(secs => :reopen_seconds)
    order by alert.cause asc, alert.alert_id desc
),

changed as (
    update ops.alerts
    set
        text = caused.text,
        count = caused.count,
        run_id = coalesce(caused.run_id, ops.alerts.run_id),
        last_seen_at = now(),
        resolved_at = null,
        revision = ops.alerts.revision + case
            when
                ops.alerts.resolved_at is not null
                or ops.alerts.text <> caused.text
                or ops.alerts.count <> caused.count
                or ops.alerts.run_id is distinct from coalesce(caused.run_id, ops.alerts.run_id)
                then 1
            else 0
        end
    from latest
    inner join caused on latest.cause = caused.cause
    where ops.alerts.alert_id = latest.alert_id
    returning ops.alerts.cause
)

insert into ops.alerts (cause, kind, text, count, run_id)
select
    cause,
    kind,
    text,
    count,
    run_id
from caused
where cause not in (select cause from changed)
on conflict do nothing;

-- name: resolve_alerts(kinds, causes)!
-- End the open alerts of these kinds whose cause is no longer among those that last.
update ops.alerts
set
    resolved_at = now(),
    revision = revision + 1
where
    resolved_at is null
    and kind = any(:kinds::text[])
    and cause <> all(:causes::text[]);

-- name: list_alerts_to_tell(again_seconds)
-- Alerts with news that nobody is on the way to tell.
select
    alert.alert_id,
    alert.kind,
    alert.revision,
    alert.resolved_at is not null as is_resolved,
    alert.told_at,
    alert.queuings,
    alert.first_seen_at
from ops.alerts as alert
where
    alert.revision > alert.told_revision
    and (
        alert.queued_revision <= alert.told_revision
        or alert.queued_at < now() - make_interval(secs => :again_seconds)
    )
    and not exists (
        select from delivery.outbox as outbox
        where
            outbox.status = 'pending'
            and outbox.kind = 'ops_alert'
            and outbox.payload ->> 'alert_id' = alert.alert_id::text
    )
order by alert.alert_id
for update of alert skip locked;

-- name: note_alert_queued(alert_id, revision)!
-- Remember that somebody is on the way to tell an alert.
update ops.alerts
set
    queued_revision = :revision,
    queuings = queuings + 1,
    queued_at = now()
where alert_id = :alert_id;

-- name: read_alert(alert_id)^
-- An alert as it stands now.
select
    alert_id,
    cause,
    kind,
    text,
    count,
    run_id,
    revision,
    first_seen_at,
    last_seen_at,
    resolved_at,
    told_revision,
    channel,
    message_ts,
    mailed_as
from ops.alerts
where alert_id = :alert_id;

-- name: note_alert_told(alert_id, revision, channel, message_ts)!
-- Remember what people have been told, and where.
update ops.alerts
set
    told_revision = greatest(told_revision, :revision),
    told_at = now(),
    channel = coalesce(:channel, channel),
    message_ts = coalesce(:message_ts, message_ts)
where alert_id = :alert_id;

-- name: list_alerts(hours)
-- The alerts that last, and those that ended within these hours, the latest first.
select
    alert_id,
    kind,
    text,
    count,
    run_id,
    first_seen_at,
    last_seen_at,
    resolved_at,
    told_at
from ops.alerts
where resolved_at is null or resolved_at > now() - make_interval(hours => :hours)
order by resolved_at is not null, first_seen_at desc;

-- name: note_failed_run(run_id, job, step, error)!
-- Note a run that failed, once.
insert into ops.failed_runs (run_id, job, step, error)
values (:run_id, :job, :step, :error)
on conflict (run_id) do nothing;

-- name: list_known_failed_runs(run_ids)
-- Which of these runs are noted already.
select run_id
from ops.failed_runs
where run_id = any(:run_ids::text[]);

-- name: list_failed_runs(hours)
-- The failed runs of the last hours by job, step and kind of error. A replay run that shows its table is no fault.
select
    failed.job,
    failed.step,
    failed.error,
    count(*) as runs,
    max(failed.failed_at) as last_at,
    (array_agg(failed.run_id order by failed.failed_at desc))[1] as run_id,
    array_agg(extract(epoch from failed.failed_at)::double precision) as at_epochs
from ops.failed_runs as failed
where
    failed.failed_at > now() - make_interval(hours => :hours)
    and not exists (
        select from ops.quarantine_groups as known
        where known.run_id::text = failed.run_id and known.run_ended_at is not null
    )
group by failed.job, failed.step, failed.error;

-- name: find_oldest_unassigned()^
-- How long the oldest lead has been without a place, and how many wait longer than a minute. Held ones do not count.
with due as (
    select greatest(received_at, replayed_at, hold_until) as since
    from landing.events
    where
        (status = 'pending' or lease_until is not null)
        and (hold_until is null or hold_until <= now())
    union all
    select waiting.waiting_since as since
    from routing.waiting_leads as waiting
)

select
    extract(epoch from now() - min(since))::double precision as seconds,
    count(*) filter (where since < now() - interval '60 seconds') as leads
from due;

-- name: count_set_aside(days)
-- The effects that were given up in the last days, by kind.
select
    kind,
    count(*) as effects
from delivery.outbox
where
    status = 'set_aside'
    and last_error is distinct from 'erased at the person''s request'
    and created_at > now() - make_interval(days => :days)
group by kind
order by kind;

-- name: find_daemon_silence()$
-- Seconds since Dagster's daemon last gave a sign of life; null when it never did.
select ops.find_daemon_silence();

-- name: list_troubled_budgets()
-- Vendors whose breaker is open, and those whose money for the day does not do for another call (then with the cap).
select
    vendor || case when scope in ('', '*') then '' else ' (' || scope || ')' end as vendor,
    case when open_until is not null then coalesce(open_reason, 'failing') end as open_reason,
    spent::double precision as spent,
    case
        when spent_on = (now() at time zone 'UTC')::date and unit_cost > 0 and spent + unit_cost > daily_cap
            then daily_cap::double precision
    end as daily_cap
from vendors.budgets
where
    open_until is not null
    or (spent_on = (now() at time zone 'UTC')::date and unit_cost > 0 and spent + unit_cost > daily_cap)
order by vendor;

-- name: queue_alert_mails(pace_seconds, again_seconds)!
-- Queue a mail for each alert that began or ended since its last mail, paced; none while one is on its way.
with told as (
    update ops.alerts as alert
    set
        mail_queued_at = now(),
        mailings = alert.mailings + 1
    where
        alert.mailed_as is distinct from case when alert.resolved_at is null then 'lasting' else 'over' end
        and (
            alert.mail_queued_at is null
            or alert.mailed_at >= alert.mail_queued_at
            or alert.mail_queued_at < now() - make_interval(secs => :again_seconds)
        )
        and not exists (
            select from delivery.outbox as outbox
            where
                outbox.status = 'pending'
                and outbox.kind = 'alert_mail'
                and outbox.payload ->> 'alert_id' = alert.alert_id::text
        )
    returning alert.alert_id, alert.mailings, alert.mailed_at
)

insert into delivery.outbox (idempotency_key, kind, payload, due_at)
select
    'alert_mail:' || told.alert_id || ':' || told.mailings,
    'alert_mail',
    jsonb_build_object('alert_id', told.alert_id),
    greatest(now(), told.mailed_at + make_interval(secs => :pace_seconds))
from told;

-- name: queue_text_mails(hours)!
-- Queue a mail for each alert of the last hours that is only a text.
insert into delivery.outbox (idempotency_key, kind, payload)
select
    'alert_mail:' || alert.idempotency_key,
    'alert_mail',
    jsonb_build_object('text', alert.payload ->> 'text')
from delivery.outbox as alert
where
    alert.kind = 'ops_alert'
    and alert.payload ->> 'text' is not null
    and alert.created_at > now() - make_interval(hours => :hours)
on conflict (idempotency_key) do nothing;

-- name: note_alert_mailed(alert_id, mailed_as)!
-- Remember what a mail has told.
update ops.alerts
set
    mailed_as = :mailed_as,
    mailed_at = clock_timestamp()
where alert_id = :alert_id;
