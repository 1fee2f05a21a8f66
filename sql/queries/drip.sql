-- name: start_drip_sequences(lead_ids, first_on)!
-- Enrol those of these leads that have gone to the drip and can be written to, each person once.
insert into delivery.drip_sequences (lead_id, track, consent, next_on)
select distinct on (lower(normalized.email))
    staged.lead_id,
    case when normalized.lead_type in ('seller', 'renter') then normalized.lead_type else 'buyer' end,
    jsonb_strip_nulls(jsonb_build_object(
        'basis', 'inquiry',
        'source', staged.source,
        'channel', staged.channel,
        'event_id', staged.event_id,
        'received_at', staged.received_at,
        'certificate', staged.extra ->> 'jornaya_tcpa_id'
    )),
    :first_on
from leads.assigned_leads as assigned
inner join leads.staged_leads as staged on assigned.lead_id = staged.lead_id
inner join leads.normalized_leads as normalized on assigned.lead_id = normalized.lead_id
where
    assigned.lead_id = any(:lead_ids::bigint[])
    and assigned.method = 'drip'
    and normalized.email is not null
    and normalized.email_kind = 'person'
    and not exists (
        select from delivery.suppressions as suppressed
        where suppressed.channel = 'mail' and suppressed.address = lower(normalized.email)
    )
    and not exists (
        select from delivery.drip_sequences as sequence
        inner join leads.normalized_leads as known on sequence.lead_id = known.lead_id
        where sequence.ended_at is null and lower(known.email) = lower(normalized.email)
    )
order by lower(normalized.email), staged.lead_id
on conflict (lead_id) do nothing;

-- name: list_due_sequences(today)
-- Open sequences whose next mail is due, with what decides whether and when it is sent.
select
    sequence.lead_id,
    sequence.track,
    sequence.next_step,
    sequence.next_on,
    normalized.phone_e164,
    normalized.state,
    normalized.property_state
from delivery.drip_sequences as sequence
inner join leads.normalized_leads as normalized on sequence.lead_id = normalized.lead_id
where sequence.ended_at is null and sequence.next_on <= :today
order by sequence.lead_id
for update of sequence;

-- name: move_sequence(lead_id, next_step, next_on)!
-- Note that a sequence's mail is queued, and when the next one is due.
update delivery.drip_sequences
set
    next_step = :next_step,
    next_on = :next_on
where lead_id = :lead_id and ended_at is null;

-- name: end_sequence(lead_id, end_reason)!
-- End all open sequences of a lead's person.
update delivery.drip_sequences as sequence
set
    ended_at = now(),
    end_reason = :end_reason
from leads.normalized_leads as normalized
where
    sequence.ended_at is null
    and normalized.lead_id = sequence.lead_id
    and lower(normalized.email) = (
        select lower(asked.email) from leads.normalized_leads as asked
        where asked.lead_id = :lead_id
    );

-- name: end_sequences_of_leads_again()!
-- End the sequences of people whom an agent has by now: a later inquiry of theirs was worth one.
update delivery.drip_sequences as sequence
set
    ended_at = now(),
    end_reason = 'lead_again'
from leads.normalized_leads as normalized
where
    sequence.ended_at is null
    and normalized.lead_id = sequence.lead_id
    and exists (
        select from leads.normalized_leads as later
        inner join leads.assigned_leads as assigned on later.lead_id = assigned.lead_id
        where
            lower(later.email) = lower(normalized.email)
            and assigned.agent_id is not null
            and assigned.lead_id > sequence.lead_id
    );

-- name: read_drip_lead(lead_id)^
-- What a drip mail is written from, and whether it may be sent at all, as it is known now.
select
    normalized.lead_id,
    normalized.email,
    normalized.email_kind,
    normalized.first_name,
    normalized.full_name,
    normalized.city,
    normalized.property_address,
    normalized.property_city,
    normalized.phone_e164,
    normalized.state,
    normalized.property_state,
    sequence.track,
    sequence.end_reason,
    exists(
        select from delivery.suppressions as suppressed
        where suppressed.channel = 'mail' and suppressed.address = lower(normalized.email)
    ) as is_suppressed,
    exists(
        select from leads.normalized_leads as later
        inner join leads.assigned_leads as assigned on later.lead_id = assigned.lead_id
        where
            lower(later.email) = lower(normalized.email)
            and assigned.agent_id is not null
            and assigned.lead_id > normalized.lead_id
    ) as is_lead_again
from leads.normalized_leads as normalized
inner join delivery.drip_sequences as sequence on normalized.lead_id = sequence.lead_id
where normalized.lead_id = :lead_id;

-- name: suppress_lead(lead_id, reason)!
-- Write no mail to a lead's person any more.
insert into delivery.suppressions (channel, address, reason)
select
    'mail',
    lower(email),
    :reason
from leads.normalized_leads
where lead_id = :lead_id and email is not null
on conflict do nothing;

-- name: list_drip_answers(marker, overlap)
-- Mails that came in since the last look and name one of ours. A few are looked at again: ids come out of order.
select
    event_id,
    substring(raw from 1 for 200000) as raw
from landing.events
where
    channel = 'email'
    and event_id > (select last_event_id - :overlap from delivery.drip_reading)
    and position(convert_to(:marker, 'UTF8') in raw) > 0
order by event_id;

-- name: note_drip_reading()!
-- Remember up to which event the inbox was searched.
update delivery.drip_reading
set last_event_id = coalesce((select max(event_id) from landing.events), 0);

-- name: count_sequences()^
-- How many sequences are open, and how many have ended.
select
    count(*) filter (where ended_at is null) as open,
    count(*) filter (where ended_at is not null) as ended
from delivery.drip_sequences;
