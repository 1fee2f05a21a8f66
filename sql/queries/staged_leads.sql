-- name: write_staged_leads(batch_id, rows)
-- Upsert the leads of a batch. Events that the batch no longer holds are left out: a late worker writes nothing.
insert into leads.staged_leads (
    event_id,
    batch_id,
    channel,
    source,
    rule,
    rule_version,
    received_at,
    name,
    first_name,
    last_name,
    email,
    relay_email,
    phone,
    address,
    message,
    budget,
    lead_type,
    timeframe,
    property_address,
    property_mls_id,
    property_price,
    property_url,
    origins,
    extra
)
select
    event.event_id,
    :batch_id,
    event.channel,
    staged.source,
    staged.rule,
    staged.rule_version,
    event.received_at,
    staged.name,
    staged.first_name,
    staged.last_name,
    staged.email,
    staged.relay_email,
    staged.phone,
    staged.address,
    staged.message,
    staged.budget,
    staged.lead_type,
    staged.timeframe,
    staged.property_address,
    staged.property_mls_id,
    staged.property_price,
    staged.property_url,
    staged.origins,
    staged.extra
from jsonb_populate_recordset(null::leads.staged_leads, :rows::jsonb) as staged
inner join landing.events as event
    on staged.event_id = event.event_id and event.batch_id = :batch_id
on conflict (event_id) do update
    set
        batch_id = excluded.batch_id,
        source = excluded.source,
        rule = excluded.rule,
        rule_version = excluded.rule_version,
        name = excluded.name,
        first_name = excluded.first_name,
        last_name = excluded.last_name,
        email = excluded.email,
        relay_email = excluded.relay_email,
        phone = excluded.phone,
        address = excluded.address,
        message = excluded.message,
        budget = excluded.budget,
        lead_type = excluded.lead_type,
        timeframe = excluded.timeframe,
        property_address = excluded.property_address,
        property_mls_id = excluded.property_mls_id,
        property_price = excluded.property_price,
        property_url = excluded.property_url,
        origins = excluded.origins,
        extra = excluded.extra,
        staged_at = now()
returning lead_id, event_id;

-- name: read_staged_leads(batch_id)
-- The batch's leads as their sources wrote them.
select
    lead_id,
    event_id,
    name,
    first_name,
    last_name,
    email,
    relay_email,
    phone,
    address,
    message,
    budget,
    lead_type,
    timeframe,
    property_address,
    property_mls_id,
    property_price,
    property_url,
    origins,
    extra
from leads.staged_leads
where batch_id = :batch_id
order by lead_id;
