-- name: quarantine_leads(batch_id, stage, rules_version, rows)
-- Take leads that a stage cannot go on with out of their batch, and their events into quarantine; gives those taken.
with bad as (
    select
        staged.lead_id,
        staged.event_id,
        culprit.reason
    from jsonb_to_recordset(:rows::jsonb) as culprit (lead_id bigint, reason text)
    inner join leads.staged_leads as staged on culprit.lead_id = staged.lead_id
    where not exists (select from leads.assigned_leads as assigned where assigned.lead_id = staged.lead_id)
),

out_of_staged as (
    update leads.staged_leads
    set batch_id = '00000000-0000-0000-0000-000000000000'
    from bad
    where leads.staged_leads.lead_id = bad.lead_id
),

out_of_normalized as (
    update leads.normalized_leads
    set batch_id = '00000000-0000-0000-0000-000000000000'
    from bad
    where leads.normalized_leads.lead_id = bad.lead_id
),

out_of_enriched as (
    update leads.enriched_leads
    set batch_id = '00000000-0000-0000-0000-000000000000'
    from bad
    where leads.enriched_leads.lead_id = bad.lead_id
),

out_of_scored as (
    update leads.scored_leads
    set batch_id = '00000000-0000-0000-0000-000000000000'
    from bad
    where leads.scored_leads.lead_id = bad.lead_id
),

no_longer_waiting as (
    delete from routing.waiting_leads
    using bad
    where routing.waiting_leads.lead_id = bad.lead_id
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        event_id,
        lead_id,
        :batch_id,
        'quarantined',
        jsonb_build_object('stage', :stage::text, 'reason', reason)
    from bad
    on conflict (event_id, kind, batch_id) do nothing
)

update landing.events
set
    status = 'quarantined',
    reason = bad.reason,
    quarantined_at = now(),
    quarantine_stage = :stage,
    rules_version = :rules_version,
    lease_until = null
from bad
where landing.events.event_id = bad.event_id
returning landing.events.event_id, bad.lead_id, bad.reason;

-- name: stamp_rules(batch_id, rules_version)!
-- Note with the events of the batch that could not be read which rules judged them.
update landing.events
set rules_version = :rules_version
where batch_id = :batch_id and status = 'quarantined' and quarantine_stage = 'staged_leads';

-- name: list_quarantine_groups()
-- What waits in quarantine, by source, stage and reason, with the run that shows it.
select
    event.source,
    coalesce(event.quarantine_stage, 'staged_leads') as stage,
    coalesce(event.reason, '') as reason,
    count(*) as events,
    min(event.quarantined_at) as since,
    max(known.run_id::text) as run_id
from landing.events as event
left join ops.quarantine_groups as known
    on
        event.source = known.source
        and coalesce(event.quarantine_stage, 'staged_leads') = known.stage
        and coalesce(event.reason, '') = known.reason
where event.status = 'quarantined'
group by event.source, coalesce(event.quarantine_stage, 'staged_leads'), coalesce(event.reason, '')
order by since;

-- name: close_quarantine_groups()!
-- Close the groups of which nothing is left, unless a replay is just at work on them.
update ops.quarantine_groups
set closed_at = now()
where
    closed_at is null
    and (run_started_at is null or run_ended_at is not null or run_started_at < now() - interval '5 minutes')
    and not exists (
        select from landing.events as event
        where
            event.status = 'quarantined'
            and event.source = ops.quarantine_groups.source
            and coalesce(event.quarantine_stage, 'staged_leads') = ops.quarantine_groups.stage
            and coalesce(event.reason, '') = ops.quarantine_groups.reason
    );

-- name: ask_for_replays(rules_version, settle_seconds, patience_seconds)
-- The groups that a replay run is to be started for now: new ones, and those that other rules judged than are in force.
with waiting as (
    select
        event.source,
        coalesce(event.quarantine_stage, 'staged_leads') as stage,
        coalesce(event.reason, '') as reason,
        coalesce(bool_or(event.rules_version is distinct from :rules_version), false) as is_outdated
    from landing.events as event
    where event.status = 'quarantined'
    group by event.source, coalesce(event.quarantine_stage, 'staged_leads'), coalesce(event.reason, '')
    having min(event.quarantined_at) < now() - make_interval(secs => :settle_seconds)
),

opened as (
    insert into ops.quarantine_groups as known (source, stage, reason, requested_at, rules_version)
    select
        source,
        stage,
        reason,
        now(),
        :rules_version
    from waiting
    on conflict (source, stage, reason) do update
        set
            requested_at = now(),
            rules_version = excluded.rules_version,
            opened_at = case when known.closed_at is null then known.opened_at else now() end,
            closed_at = null,
            run_started_at = null,
            run_ended_at = null
        where
        known.closed_at is not null
        or (
            known.rules_version is distinct from excluded.rules_version
            and (
                select waiting.is_outdated from waiting
                where
                    waiting.source = known.source
                    and waiting.stage = known.stage
                    and waiting.reason = known.reason
            )
        )
        or (
            known.run_ended_at is null
            and known.requested_at < now() - make_interval(secs => :patience_seconds)
        )
        or (
            known.run_ended_at < now() - make_interval(secs => :patience_seconds)
            and (
                select waiting.is_outdated from waiting
                where
                    waiting.source = known.source
                    and waiting.stage = known.stage
                    and waiting.reason = known.reason
            )
        )
    returning group_id, source, stage, reason
)

select
    group_id,
    source,
    stage,
    reason
from opened
order by group_id;

-- name: start_replay(group_id, run_id)^
-- Note that a run works on a group; gives what the group is.
update ops.quarantine_groups
set
    run_id = :run_id,
    run_started_at = now(),
    run_ended_at = null,
    closed_at = null
where group_id = :group_id
returning source, stage, reason;

-- name: end_replay(group_id, run_id)!
-- Note that the run has seen what became of the events.
update ops.quarantine_groups
set run_ended_at = now()
where group_id = :group_id and run_id = :run_id;

-- name: release_quarantined(source, stage, reason, event_ids, rules_version, held_after_hours, hold_until)
-- Let events go from quarantine to be judged anew; without `rules_version` all, else those that other rules judged.
-- One that arrived longer ago than `held_after_hours` is not taken up before `hold_until`.
update landing.events
set
    status = 'pending',
    attempts = 0,
    batch_id = null,
    lease_until = null,
    replayed_at = now(),
    hold_until = case
        when landing.events.received_at < now() - make_interval(hours => :held_after_hours)
            then :hold_until::timestamptz
    end
where
    status = 'quarantined'
    and raw <> ''
    and (:source::text is null or source = :source)
    and (:stage::text is null or coalesce(quarantine_stage, 'staged_leads') = :stage)
    and (:reason::text is null or coalesce(reason, '') = :reason)
    and (:event_ids::bigint[] is null or event_id = any(:event_ids::bigint[]))
    and (:rules_version::text is null or rules_version is distinct from :rules_version)
returning event_id, hold_until;

-- name: count_unsettled(event_ids)$
-- How many of these events are still on their way.
select count(*)
from landing.events
where
    event_id = any(:event_ids::bigint[])
    and (status = 'pending' or lease_until is not null)
    and (hold_until is null or hold_until <= now());

-- name: list_remaining(source, stage, reason, event_ids, is_narrowed, most)
-- What is in quarantine of these events, and of what source, stage and reason narrow down, the oldest first.
select
    event.event_id,
    event.source,
    event.channel,
    coalesce(event.quarantine_stage, 'staged_leads') as stage,
    coalesce(event.reason, '') as reason,
    event.quarantine_rule as rule,
    event.received_at,
    count(*) over () as events
from landing.events as event
where
    event.status = 'quarantined'
    and (
        event.event_id = any(:event_ids::bigint[])
        or (
            :is_narrowed
            and (:source::text is null or event.source = :source)
            and (:stage::text is null or coalesce(event.quarantine_stage, 'staged_leads') = :stage)
            and (:reason::text is null or coalesce(event.reason, '') = :reason)
        )
    )
order by event.received_at, event.event_id
limit :most;

-- name: list_batch_leads(batch_id)
-- The leads that a batch works on, and those that any batch may place: where to look for one that stops the others.
select lead_id
from leads.staged_leads
where batch_id = :batch_id
union
select lead_id
from routing.waiting_leads
order by lead_id;

-- name: read_raw_event(event_id)^
-- What arrived, as it arrived.
select
    event_id,
    channel,
    source,
    status,
    raw
from landing.events
where event_id = :event_id;
