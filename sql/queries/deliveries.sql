-- name: list_placed_leads(lead_ids)
-- The place of each of these leads, and how its agent is reached.
select
    assigned.lead_id,
    assigned.agent_id,
    coalesce(agent.phone is not null and not exists (
        select from delivery.suppressions as suppressed
        where suppressed.channel = 'sms' and suppressed.address = agent.phone
    ), false) as has_phone,
    agent.slack_id is not null as has_slack,
    agent.notify_by,
    agent.quiet_hours,
    agent.time_zone,
    coalesce(enriched.address_verified or enriched.enriched_by is not null, false) as has_facts,
    (
        select placed.lead_id
        from leads.inquiries as inquiry
        inner join leads.inquiries as other on inquiry.contact_id = other.contact_id
        inner join leads.assigned_leads as placed on other.lead_id = placed.lead_id
        where
            inquiry.lead_id = assigned.lead_id
            and (placed.assigned_at, placed.lead_id) < (assigned.assigned_at, assigned.lead_id)
        order by placed.assigned_at desc, placed.lead_id desc
        limit 1
    ) as lead_before
from leads.assigned_leads as assigned
left join routing.agents as agent on assigned.agent_id = agent.agent_id
left join leads.enriched_leads as enriched on assigned.lead_id = enriched.lead_id
where assigned.lead_id = any(:lead_ids::bigint[])
order by assigned.lead_id;

-- name: read_delivery_lead(lead_id)^
-- What is told about a lead, as it is known now.
select
    staged.lead_id,
    staged.channel,
    staged.source,
    staged.received_at,
    normalized.full_name,
    normalized.first_name,
    normalized.last_name,
    coalesce(normalized.email, normalized.relay_email) as email,
    normalized.phone_e164,
    normalized.phone_extension,
    normalized.address,
    normalized.street,
    normalized.unit,
    normalized.city,
    normalized.state,
    normalized.zip,
    normalized.property_address,
    normalized.property_city,
    normalized.property_state,
    normalized.property_zip,
    normalized.property_mls_id,
    normalized.property_price,
    normalized.property_url,
    normalized.budget,
    normalized.rent_monthly,
    normalized.lead_type,
    normalized.timeframe,
    normalized.message,
    scored.score,
    scored.bucket,
    coalesce(scored.contributions, '[]') as contributions,
    coalesce(enriched.address_verified, false) as address_verified,
    enriched.company,
    enriched.job_title
from leads.staged_leads as staged
inner join leads.normalized_leads as normalized on staged.lead_id = normalized.lead_id
left join leads.scored_leads as scored on staged.lead_id = scored.lead_id
left join leads.enriched_leads as enriched on staged.lead_id = enriched.lead_id
where staged.lead_id = :lead_id;

-- name: read_delivery_agent(agent_id)^
-- How an agent is reached and what a CRM calls the agent.
select
    agent_id,
    name,
    email,
    phone,
    slack_id,
    time_zone,
    quiet_hours,
    working_hours,
    time_off,
    crm_ids
from routing.agents
where agent_id = :agent_id;

-- name: find_crm_contact(lead_id, crm)^
-- Whom the CRM made of a lead.
select
    contact_id,
    owner_id
from delivery.crm_contacts
where lead_id = :lead_id and crm = :crm;

-- name: find_contact_of_person(lead_id, crm)$
-- Whom the CRM made of a lead's person by another lead, the latest one.
select contact.contact_id
from leads.inquiries as inquiry
inner join leads.inquiries as other on inquiry.contact_id = other.contact_id and inquiry.lead_id <> other.lead_id
inner join delivery.crm_contacts as contact on other.lead_id = contact.lead_id
where inquiry.lead_id = :lead_id and contact.crm = :crm
order by contact.written_at desc
limit 1;

-- name: list_written_owners(crm, contact_id)
-- The owners that we gave a contact, for any of the person's leads.
select distinct owner_id
from delivery.crm_contacts
where crm = :crm and contact_id = :contact_id and owner_id is not null;

-- name: write_crm_contact(lead_id, crm, contact_id, owner_id)!
-- Remember whom the CRM made of a lead, and the owner we gave.
insert into delivery.crm_contacts (lead_id, crm, contact_id, owner_id)
values (:lead_id, :crm, :contact_id, :owner_id)
on conflict (lead_id, crm) do update
    set
        contact_id = excluded.contact_id,
        owner_id = coalesce(excluded.owner_id, delivery.crm_contacts.owner_id),
        written_at = now();

-- name: find_lead_of_contact(crm, contact_id, happened_at, user_id)^
-- The latest lead that a contact was by then, with its agent, and whether the CRM's user is another agent of ours. The
-- CRM's clock may be a little behind, and tells whole seconds: nothing happens before its lead has arrived.
select
    staged.lead_id,
    assigned.agent_id,
    greatest(:happened_at, staged.received_at) as happened_at,
    exists(
        select from routing.agents as other
        where other.crm_ids ->> :crm = :user_id::text and other.agent_id <> assigned.agent_id
    ) as is_by_another
from delivery.crm_contacts as contact
inner join leads.staged_leads as staged on contact.lead_id = staged.lead_id
left join leads.assigned_leads as assigned on staged.lead_id = assigned.lead_id
where
    contact.crm = :crm
    and contact.contact_id = :contact_id
    and staged.received_at <= :happened_at::timestamptz + interval '1 minute'
order by staged.received_at desc, staged.lead_id desc
limit 1;

-- name: suppress_address(channel, address, reason)!
-- Leave somebody alone on a channel from now on.
insert into delivery.suppressions (channel, address, reason)
values (:channel, :address, :reason)
on conflict do nothing;

-- name: is_suppressed(channel, address)$
-- Whether somebody is left alone on a channel.
select exists(select from delivery.suppressions where channel = :channel and address = :address);

-- name: write_text_status(vendor_reference, status, error_code)!
-- What became of a text; a status that comes late does not undo a final one.
insert into delivery.text_statuses (vendor_reference, status, error_code)
values (:vendor_reference, :status, :error_code)
on conflict (vendor_reference) do update
    set
        status = excluded.status,
        error_code = excluded.error_code,
        updated_at = now()
    where delivery.text_statuses.status not in ('delivered', 'undelivered', 'failed');

-- name: read_link_key()$
-- The key that signs our links.
select key from delivery.link_keys;

-- name: list_deliveries(status, most)
-- The latest effects, of one status or of any; texts with what Twilio told of them.
select
    outbox.outbox_id,
    outbox.kind,
    outbox.lead_id,
    outbox.agent_id,
    outbox.status,
    outbox.attempts,
    outbox.due_at,
    outbox.sent_at,
    outbox.last_error,
    outbox.vendor_reference,
    text_status.status as told
from delivery.outbox as outbox
left join delivery.text_statuses as text_status on outbox.vendor_reference = text_status.vendor_reference
where :status::text is null or outbox.status = :status
order by outbox.outbox_id desc
limit :most;

-- name: retry_deliveries(kind)!
-- Give effects that were set aside another chance, all or those of one kind. What was tried may have been done.
update delivery.outbox
set
    status = 'pending',
    attempts = 0,
    due_at = now(),
    lease_until = case when attempts > 0 then now() end
where status = 'set_aside' and (:kind::text is null or kind = :kind);

-- name: count_unfinished_effects()$
-- How many effects on vendors are not done: those that are tried again, and those given up.
select count(*) from delivery.outbox
where status <> 'sent' and kind <> 'ops_alert';

-- name: count_tries()^
-- How many effects there are, and how often they were tried.
select
    count(*) as effects,
    coalesce(sum(attempts), 0) as tries
from delivery.outbox
where kind <> 'ops_alert';

-- name: is_vendor_resting(vendor, scope)$
-- Whether a budget allows no call for some time: its vendor asked for a pause, or its breaker is open.
select exists(
    select from vendors.budgets
    where vendor = :vendor and scope in ('', :scope) and greatest(not_before, open_until) > clock_timestamp()
);

-- name: hasten_effects(seconds)!
-- Let no effect wait longer than this: for the fault test, whose vendors fail so often that pauses grow long.
update delivery.outbox
set due_at = now() + make_interval(secs => :seconds)
where status = 'pending' and due_at > now() + make_interval(secs => :seconds);
