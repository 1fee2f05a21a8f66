-- name: find_person_leads(emails, phones)
-- The leads of whoever has one of these e-mails or phones (E.164), as written or as cleaned, and their events.
select
    staged.lead_id,
    staged.event_id,
    event.content_hash,
    coalesce(event.lease_until > now(), false) as is_leased
from leads.staged_leads as staged
inner join landing.events as event on staged.event_id = event.event_id
left join leads.normalized_leads as normalized on staged.lead_id = normalized.lead_id
where
    lower(normalized.email) = any(:emails::text[])
    or lower(normalized.relay_email) = any(:emails::text[])
    or lower(trim(staged.email)) = any(:emails::text[])
    or lower(trim(staged.relay_email)) = any(:emails::text[])
    or normalized.phone_e164 = any(:phones::text[])
    or exists (
        select from unnest(:phones::text[]) as wanted (phone)
        where
            position(wanted.phone in normalized.other_phones::text) > 0
            or right(regexp_replace(staged.phone, '\D', '', 'g'), 10) = right(wanted.phone, 10)
    )
order by staged.lead_id;

-- name: list_raw_without_lead(after, most)
-- Mails and posts that became no lead and are still kept, in the order of their ids.
select
    event.event_id,
    event.channel,
    event.raw,
    event.content_hash
from landing.events as event
where
    event.event_id > :after
    and event.raw <> ''
    and not exists (select from leads.staged_leads as staged where staged.event_id = event.event_id)
order by event.event_id
limit :most;

-- name: find_same_contents(content_hashes)
-- All events with these contents.
select event_id
from landing.events
where content_hash = any(:content_hashes::text[]);

-- name: bury_contents(content_hashes)!
-- Keep these contents from coming back.
insert into ops.erased_contents (content_hash)
select distinct hash.content_hash
from unnest(:content_hashes::text[]) as hash (content_hash)
on conflict do nothing;

-- name: settle_erased_events(event_ids)!
-- Take erased events that were no lead yet out of the way.
update landing.events
set
    status = 'ignored',
    reason = 'erased at the person''s request',
    lease_until = null
where event_id = any(:event_ids::bigint[]) and status in ('pending', 'quarantined');

-- name: cancel_effects(lead_ids)
-- Give up what was still to be sent about these leads; gives what vendors hold of what was sent.
with cancelled as (
    update delivery.outbox
    set
        status = 'set_aside',
        last_error = 'erased at the person''s request'
    where lead_id = any(:lead_ids::bigint[]) and status = 'pending'
)

select
    kind,
    vendor_reference
from delivery.outbox
where lead_id = any(:lead_ids::bigint[]) and vendor_reference is not null
order by kind, vendor_reference;

-- name: empty_scores(lead_ids)!
-- Leave of these leads' scores the rules and points, without the evidence, which may be the lead's own words.
update leads.scored_leads
set
    contributions = (
        select coalesce(jsonb_agg(rule.value - 'evidence'), '[]')
        from jsonb_array_elements(leads.scored_leads.contributions) as rule
    )
where lead_id = any(:lead_ids::bigint[]);

-- name: erase_columns(target, key_column, keys, emptied)$
-- Empty these columns of a table's rows with these keys; gives how many rows.
select ops.erase_columns(:target::regclass, :key_column::text, :keys::text[], :emptied::text[]);

-- name: erase_rows(target, key_column, keys)$
-- Delete a table's rows with these keys; gives how many.
select ops.erase_rows(:target::regclass, :key_column::text, :keys::text[]);

-- name: note_erasure(person, counts)$
-- Note that a person was erased, by a hash of what was asked for; gives the erasure's number.
insert into ops.erasures (person_hash, counts)
select
    encode(sha256(convert_to(salt.salt::text || :person::text, 'UTF8')), 'hex'),
    :counts::jsonb
from ops.erasure_salt as salt
returning erasure_id;

-- name: list_person_questions(lead_ids, emails, phones)
-- What vendors may have been asked about these leads: e-mails, phones, names with places, addresses.
select lower(known.question) as request_key
from leads.normalized_leads as normalized
cross join
    lateral (
        values
        (normalized.email),
        (normalized.phone_e164),
        (normalized.address),
        (normalized.property_address),
        (
            normalized.first_name || ' ' || normalized.last_name || ', '
            || concat_ws(', ', normalized.city, normalized.state, normalized.zip)
        )
    ) as known (question)
where normalized.lead_id = any(:lead_ids::bigint[]) and known.question is not null
union
select given.question
from unnest(:emails::text[] || :phones::text[]) as given (question);

-- name: list_person_contacts(lead_ids, emails, phones)
-- The contacts whom these leads, e-mails and phones belong to.
select contact_id
from leads.inquiries
where lead_id = any(:lead_ids::bigint[])
union
select contact_id
from leads.contact_keys
where value = any(:emails::text[] || :phones::text[]);
