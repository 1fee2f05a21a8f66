-- name: prune_raw(days, most)!
-- Empty up to `most` mails and posts that were read and are older than so many days; the rows stay, to know repeats by.
update landing.events
set
    raw = '',
    headers = '{}',
    contact = null
where event_id in (
    select event_id
    from landing.events
    where
        raw <> ''
        and received_at < now() - make_interval(days => :days)
        and status in ('staged', 'ignored')
        and lease_until is null
    order by received_at
    limit :most
);

-- name: prune_outbox(days, most)!
-- Delete up to `most` effects that were delivered more than so many days ago.
delete from delivery.outbox
where outbox_id in (
    select outbox_id
    from delivery.outbox
    where status = 'sent' and sent_at < now() - make_interval(days => :days)
    order by sent_at
    limit :most
);

-- name: prune_lead_events(days, most)!
-- Delete up to `most` lines of the record that are older than so many days.
delete from ops.lead_events
where lead_event_id in (
    select lead_event_id
    from ops.lead_events
    where happened_at < now() - make_interval(days => :days)
    order by lead_event_id
    limit :most
);

-- name: prune_alerts(days, most)!
-- Delete up to `most` alerts that were over more than so many days ago.
delete from ops.alerts
where alert_id in (
    select alert_id
    from ops.alerts
    where resolved_at < now() - make_interval(days => :days)
    order by alert_id
    limit :most
);

-- name: prune_failed_runs(days, most)!
-- Forget up to `most` failed runs that are older than so many days.
delete from ops.failed_runs
where run_id in (
    select run_id
    from ops.failed_runs
    where failed_at < now() - make_interval(days => :days)
    order by failed_at
    limit :most
);

-- name: prune_dagster_runs(days, most)$
-- Delete up to `most` ended runs of Dagster with their events that are older than so many days; gives how many.
select ops.prune_dagster(make_interval(days => :days), :most);

-- name: prune_dagster_ticks(days, most)$
-- Delete up to `most` ticks of sensors and schedules that are older than so many days; gives how many.
select ops.prune_dagster_ticks(make_interval(days => :days), :most);
