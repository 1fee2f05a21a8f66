-- name: write_effects(rows)
-- Queue effects; one that was queued before is left out. Gives those that are new.
insert into delivery.outbox (idempotency_key, kind, lead_id, agent_id, payload, due_at, after_key)
select
    effect.idempotency_key,
    effect.kind,
    effect.lead_id,
    effect.agent_id,
    coalesce(effect.payload, '{}'),
    coalesce(effect.due_at, now()),
    effect.after_key
from
    jsonb_to_recordset(:rows::jsonb)
        as effect (
            idempotency_key text,
            kind text,
            lead_id bigint,
            agent_id text,
            payload jsonb,
            due_at timestamptz,
            after_key text
        )
on conflict (idempotency_key) do nothing
returning idempotency_key;

-- name: claim_effects(vendor, kinds, most, lease_seconds, lease_token)
-- Take a vendor's effects that are due, each for one deliverer. One whose last attempt ended without a mark may have
-- been done.
with due as (
    select
        outbox.outbox_id,
        outbox.lease_until is not null as may_have_acted
    from delivery.outbox as outbox
    where
        outbox.status = 'pending'
        and outbox.vendor = :vendor
        and outbox.kind = any(:kinds::text[])
        and outbox.due_at <= now()
        and (outbox.lease_until is null or outbox.lease_until < now())
        and not exists (
            select from delivery.outbox as earlier
            where earlier.idempotency_key = outbox.after_key and earlier.status = 'pending'
        )
    order by outbox.due_at, outbox.outbox_id
    limit :most
    for update of outbox skip locked
)

update delivery.outbox
set
    attempts = delivery.outbox.attempts + 1,
    lease_until = now() + make_interval(secs => :lease_seconds),
    lease_token = :lease_token
from due
where delivery.outbox.outbox_id = due.outbox_id
returning
    delivery.outbox.outbox_id,
    delivery.outbox.idempotency_key,
    delivery.outbox.kind,
    delivery.outbox.lead_id,
    delivery.outbox.agent_id,
    delivery.outbox.payload,
    delivery.outbox.attempts,
    delivery.outbox.created_at,
    due.may_have_acted;

-- name: mark_effect_sent(outbox_id, lease_token, vendor_reference)!
-- An effect is done; only for the attempt that holds it.
update delivery.outbox
set
    status = 'sent',
    sent_at = clock_timestamp(),
    vendor_reference = :vendor_reference,
    lease_until = null,
    lease_token = null,
    last_error = null
where outbox_id = :outbox_id and lease_token = :lease_token and status = 'pending';

-- name: put_effect_off(outbox_id, lease_token, seconds, keep_lease, last_error)!
-- Try an effect again later. A lease that is kept, though over, tells the next attempt that the vendor may have acted.
update delivery.outbox
set
    due_at = clock_timestamp() + make_interval(secs => :seconds),
    lease_until = case when :keep_lease then clock_timestamp() end,
    lease_token = null,
    last_error = :last_error
where outbox_id = :outbox_id and lease_token = :lease_token and status = 'pending';

-- name: set_effect_aside(outbox_id, lease_token, last_error)!
-- Give an effect up, and with it those of the same lead that were to come after it; a person decides what becomes of
-- them. Another lead of the same person has only waited its turn.
with recursive given_up as (
    select
        outbox.outbox_id,
        outbox.lead_id,
        outbox.idempotency_key,
        :last_error::text as last_error
    from delivery.outbox as outbox
    where outbox.outbox_id = :outbox_id and outbox.lease_token = :lease_token and outbox.status = 'pending'
    union all
    select
        later.outbox_id,
        later.lead_id,
        later.idempotency_key,
        'what has to come before it was given up: ' || given_up.idempotency_key as last_error
    from delivery.outbox as later
    inner join given_up
        on later.after_key = given_up.idempotency_key and later.lead_id is not distinct from given_up.lead_id
    where later.status = 'pending'
)

update delivery.outbox
set
    status = 'set_aside',
    lease_until = null,
    lease_token = null,
    last_error = given_up.last_error
from given_up
where delivery.outbox.outbox_id = given_up.outbox_id;

-- name: has_due_effects(vendors, kinds, grace_seconds)$
-- Whether anything of these vendors' has been due for so long without being claimed.
select exists(
    select from delivery.outbox as outbox
    where
        outbox.status = 'pending'
        and outbox.vendor = any(:vendors::text[])
        and outbox.kind = any(:kinds::text[])
        and outbox.due_at <= now() - make_interval(secs => :grace_seconds)
        and (outbox.lease_until is null or outbox.lease_until < now())
        and not exists (
            select from delivery.outbox as earlier
            where earlier.idempotency_key = outbox.after_key and earlier.status = 'pending'
        )
);
