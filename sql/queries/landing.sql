-- name: land_posts(sources, external_ids, received_at, content_types, headers, raws, content_hashes, looks_hot)
-- Store the posts that are not here yet, in the order given, and wake whoever waits for work; heard with the commit.
with landed as (
    insert into landing.events (
        channel, source, external_id, received_at, content_type, headers, raw, content_hash, looks_hot
    )
    select
        'webhook',
        arrived.source,
        arrived.external_id,
        arrived.received_at,
        arrived.content_type,
        arrived.headers,
        arrived.raw,
        arrived.content_hash,
        arrived.looks_hot
    from
        unnest(
            :sources::text[],
            :external_ids::text[],
            :received_at::timestamptz[],
            :content_types::text[],
            :headers::jsonb[],
            :raws::bytea[],
            :content_hashes::text[],
            :looks_hot::boolean[]
        ) as arrived (source, external_id, received_at, content_type, headers, raw, content_hash, looks_hot)
    on conflict do nothing
    returning event_id, source, external_id
)

select
    event_id,
    source,
    external_id,
    pg_notify('landing', '') is null as is_told
from landed;

-- name: wait_for_turn_to_land_mails()!
-- Let one transaction at a time land mails: two that land the same bytes at once would not see each other's.
select pg_advisory_xact_lock(hashtext('land_mail'));

-- name: land_mail(external_id, received_at, raw, content_hash, problem, looks_hot)^
-- Store a mail. The same bytes under another UID are kept too, but ignored; a mail that could not be had whole waits
-- in quarantine. No row comes back when this UID is already here.
with earlier as (
    select min(event_id) as event_id
    from landing.events
    where channel = 'email' and content_hash = :content_hash
)

insert into landing.events (
    channel,
    source,
    external_id,
    received_at,
    content_type,
    raw,
    content_hash,
    status,
    reason,
    quarantined_at,
    quarantine_stage,
    looks_hot
)
select
    'email',
    'inbox',
    :external_id,
    least(:received_at, now()),
    'message/rfc822',
    :raw,
    :content_hash,
    case
        when earlier.event_id is not null then 'ignored'
        when :problem::text is not null then 'quarantined'
        else 'pending'
    end,
    coalesce('the same mail as event ' || earlier.event_id, :problem::text),
    case when earlier.event_id is null and :problem::text is not null then now() end,
    case when earlier.event_id is null and :problem::text is not null then 'landed_mails' end,
    :looks_hot
from earlier
on conflict do nothing
returning event_id, status;

-- name: claim_unfetched_mail(account, folder)^
-- A mail that came without its content and is due to be asked for again: after a minute, then each time twice as late,
-- for a day.
with due as (
    select landing.events.event_id
    from landing.events
    inner join landing.mailboxes
        on
            regexp_replace(landing.events.external_id, '/[0-9]+$', '')
            = landing.mailboxes.account || '/' || landing.mailboxes.folder || '/' || landing.mailboxes.uidvalidity
    where
        landing.mailboxes.account = :account
        and landing.mailboxes.folder = :folder
        and landing.events.channel = 'email'
        and landing.events.status = 'quarantined'
        and landing.events.raw = ''
        and landing.events.landed_at > now() - interval '1 day'
        and now() - coalesce(landing.events.fetch_tried_at, landing.events.landed_at) > greatest(
            interval '1 minute',
            coalesce(landing.events.fetch_tried_at, landing.events.landed_at) - landing.events.landed_at
        )
    order by landing.events.fetch_tried_at nulls first
    limit 1
    for update of events skip locked
)

update landing.events
set fetch_tried_at = now()
from due
where landing.events.event_id = due.event_id
returning landing.events.event_id, landing.events.external_id;

-- name: complete_mail(event_id, received_at, raw, content_hash)!
-- Give a mail that came without its content the content, and let it be read.
with earlier as (
    select min(event_id) as event_id
    from landing.events
    where channel = 'email' and content_hash = :content_hash
)

update landing.events
set
    raw = :raw,
    content_hash = :content_hash,
    received_at = least(:received_at, landing.events.received_at),
    status = case when earlier.event_id is null then 'pending' else 'ignored' end,
    reason = 'the same mail as event ' || earlier.event_id
from earlier
where landing.events.event_id = :event_id and landing.events.status = 'quarantined' and landing.events.raw = '';

-- name: find_event(channel, source, external_id)$
-- The id of the event that arrived first under this identity.
select event_id
from landing.events
where channel = :channel and source = :source and external_id = :external_id;

-- name: lock_post(source, external_id)^
-- The event of a post, held until the transaction ends, so that two newer versions come one after the other.
select
    event_id,
    content_hash
from landing.events
where channel = 'webhook' and source = :source and external_id = :external_id
for update;

-- name: keep_earlier_version(event_id, external_id)!
-- Keep what an event holds under an identity of its own, before a newer version takes its place.
insert into landing.events (
    channel, source, external_id, received_at, content_type, headers, raw, content_hash, status, reason
)
select
    channel,
    source,
    :external_id,
    received_at,
    content_type,
    headers,
    raw,
    content_hash,
    'ignored',
    'an earlier version of event ' || event_id
from landing.events
where event_id = :event_id
on conflict do nothing;

-- name: replace_post(event_id, content_type, headers, raw, content_hash)!
-- Put a newer version in the place of the one before; whoever holds the event loses it, and it is read anew.
update landing.events
set
    content_type = :content_type,
    headers = :headers,
    raw = :raw,
    content_hash = :content_hash,
    contact = null,
    status = 'pending',
    reason = null,
    batch_id = null,
    lease_until = null,
    attempts = 0
where event_id = :event_id;

-- name: announce_landing()!
-- Wake whoever waits for work; heard when the transaction commits.
select pg_notify('landing', '');

-- name: wait_for_turn()!
-- Let one transaction at a time ask for runs or claim events: two that count at once would not see each other's runs,
-- and an event that landed after a claim would be left to the run whose claim it was.
select pg_advisory_xact_lock(hashtext('landing_turn'));

-- name: count_batches(batch_size, most, overdue_seconds, patience_seconds)^
-- How many batches wait to be claimed (up to `most`), how many runs hold some, and how many runs are awaited: asked for
-- and not begun yet. Of those, overdue ones should have begun.
with awaited as (
    select
        count(*) as awaited,
        count(*) filter (where asked_at < now() - make_interval(secs => :overdue_seconds)) as overdue
    from landing.awaited_runs
    where asked_at >= now() - make_interval(secs => :patience_seconds)
),

claimable as (
    select event_id
    from landing.events
    where
        (status = 'pending' or lease_until is not null)
        and (lease_until is null or lease_until < now())
        and (hold_until is null or hold_until <= now())
    order by received_at
    limit :batch_size::integer * :most::integer
)

select
    awaited.awaited::integer as awaited,
    awaited.overdue::integer as overdue,
    (select ceil(count(*)::numeric / :batch_size) from claimable)::integer as waiting,
    (
        select count(distinct batch_id)
        from landing.events
        where (status = 'pending' or lease_until is not null) and lease_until >= now()
    )::integer as at_work
from awaited;

-- name: await_runs(runs, patience_seconds)!
-- Note that so many runs were asked for; those that never came are forgotten.
with lost as (
    delete from landing.awaited_runs
    where asked_at < now() - make_interval(secs => :patience_seconds)
)

insert into landing.awaited_runs (asked_at)
select now()
from generate_series(1, :runs::integer);

-- name: end_wait_for_run(patience_seconds)!
-- One of the runs that were asked for has begun: the one that was awaited longest.
delete from landing.awaited_runs
where run_number = (
    select run_number
    from landing.awaited_runs
    where asked_at >= now() - make_interval(secs => :patience_seconds)
    order by asked_at, run_number
    limit 1
);

-- name: claim_batch(batch_id, batch_size, lease_seconds)
-- Take what the batch held before, then others, the oldest first, those that look hot with a head start. Nobody else
-- takes them until the lease ends.
with claimable as (
    select event_id
    from landing.events
    where
        (status = 'pending' or lease_until is not null)
        and (lease_until is null or lease_until < now() or batch_id = :batch_id)
        and (hold_until is null or hold_until <= now())
    order by
        batch_id is not distinct from :batch_id desc,
        received_at - case when looks_hot then interval '30 seconds' else interval '0' end asc
    limit :batch_size
    for update skip locked
)

update landing.events
set
    batch_id = :batch_id,
    lease_until = now() + make_interval(secs => :lease_seconds),
    attempts = landing.events.attempts + 1
from claimable
where landing.events.event_id = claimable.event_id
returning
    landing.events.event_id,
    landing.events.channel,
    landing.events.source,
    landing.events.content_type,
    landing.events.received_at,
    landing.events.raw,
    landing.events.contact,
    landing.events.attempts;

-- name: keep_contacts(batch_id, event_ids, contacts)!
-- Keep what vendors told about the batch's notices.
update landing.events
set contact = told.contact
from unnest(:event_ids::bigint[], :contacts::bytea[]) as told (event_id, contact)
where landing.events.event_id = told.event_id and landing.events.batch_id = :batch_id;

-- name: land_parts(batch_id, rows)!
-- Store the leads that came together in one post of the batch, each as a post of its own; one that is here stays.
insert into landing.events (
    channel, source, external_id, received_at, content_type, headers, raw, content_hash
)
select
    event.channel,
    event.source,
    part.external_id,
    event.received_at,
    event.content_type,
    event.headers,
    convert_to(part.raw, 'UTF8'),
    encode(sha256(convert_to(part.raw, 'UTF8')), 'hex')
from jsonb_to_recordset(:rows::jsonb) as part (event_id bigint, external_id text, raw text)
inner join landing.events as event
    on part.event_id = event.event_id and event.batch_id = :batch_id
order by part.external_id
on conflict do nothing;

-- name: settle_events(batch_id, rows)!
-- Record what became of each event of the batch. Staged ones stay leased until their lead is assigned; pending ones
-- are nobody's until they are due again: in 15 seconds, then each time when they are twice as old, at last every hour.
update landing.events
set
    status = outcome.status,
    reason = outcome.reason,
    source = outcome.source,
    quarantined_at = case when outcome.status = 'quarantined' then now() end,
    quarantine_stage = case when outcome.status = 'quarantined' then 'staged_leads' end,
    quarantine_rule = case when outcome.status = 'quarantined' then outcome.rule end,
    lease_until = case outcome.status
        when 'staged' then landing.events.lease_until
        when 'pending'
            then now() + greatest(interval '15 seconds', least(interval '1 hour', now() - landing.events.received_at))
    end,
    batch_id = case when outcome.status != 'pending' then landing.events.batch_id end,
    attempts = case when outcome.status != 'pending' then landing.events.attempts else 0 end
from
    jsonb_to_recordset(:rows::jsonb)
        as outcome (event_id bigint, status text, reason text, source text, rule text)
where landing.events.event_id = outcome.event_id and landing.events.batch_id = :batch_id;

-- name: return_events(batch_id, event_ids)!
-- Give back what the batch had no time to read; it is as if it had never been claimed.
update landing.events
set
    batch_id = null,
    lease_until = null,
    attempts = greatest(attempts - 1, 0)
where batch_id = :batch_id and event_id = any(:event_ids::bigint[]);

-- name: release_events(batch_id)!
-- End the lease on the batch's events whose lead has found its place, waits, is offered, or is a copy of another.
update landing.events
set lease_until = null
from leads.staged_leads
where
    landing.events.event_id = leads.staged_leads.event_id
    and landing.events.batch_id = :batch_id
    and landing.events.lease_until is not null
    and (
        exists (
            select from leads.assigned_leads
            where leads.assigned_leads.lead_id = leads.staged_leads.lead_id
        )
        or exists (
            select from routing.waiting_leads
            where routing.waiting_leads.lead_id = leads.staged_leads.lead_id
        )
        or exists (
            select from routing.claims
            where routing.claims.lead_id = leads.staged_leads.lead_id
        )
        or exists (
            select from leads.inquiries
            where leads.inquiries.lead_id = leads.staged_leads.lead_id and leads.inquiries.merged_into is not null
        )
    );

-- name: read_mailbox_position(account, folder)^
-- How far this mailbox has been read.
select
    uidvalidity,
    last_uid,
    read_since,
    checked_at < now() - interval '30 seconds' as is_stale
from landing.mailboxes
where account = :account and folder = :folder;

-- name: save_mailbox_position(account, folder, uidvalidity, last_uid, read_since)!
-- Move the mailbox's watermark, in the transaction that lands the mails below it.
insert into landing.mailboxes (account, folder, uidvalidity, last_uid, read_since)
values (:account, :folder, :uidvalidity, :last_uid, :read_since)
on conflict (account, folder) do update
    set
        uidvalidity = excluded.uidvalidity,
        last_uid = excluded.last_uid,
        checked_at = now();

-- name: list_silent_mailboxes(accounts, folders, silent_seconds)
-- Those of these mailboxes that have not answered for so long; without a time when they never have.
select
    asked.account,
    asked.folder,
    landing.mailboxes.checked_at
from unnest(:accounts::text[], :folders::text[]) as asked (account, folder)
left join landing.mailboxes
    on asked.account = landing.mailboxes.account and asked.folder = landing.mailboxes.folder
where
    landing.mailboxes.checked_at is null
    or landing.mailboxes.checked_at < now() - make_interval(secs => :silent_seconds)
order by asked.account, asked.folder;

-- name: read_synchronous_commit()$
-- Whether a commit waits for the disk; on unless somebody has changed the server's settings.
select current_setting('synchronous_commit');

-- name: can_store()$
-- Whether this database takes posts now: it is writable and has the table for them.
select
    not pg_is_in_recovery()
    and not current_setting('transaction_read_only')::boolean
    and to_regclass('landing.events') is not null;
