-- name: read_leads_to_enrich(batch_id)
-- What vendors are asked about the leads of a batch, and how old each lead is in seconds.
select
    normalized.lead_id,
    extract(epoch from clock_timestamp() - staged.received_at)::double precision as age_seconds,
    normalized.first_name,
    normalized.last_name,
    normalized.email,
    normalized.email_kind,
    normalized.phone_e164,
    normalized.phone_valid,
    normalized.address,
    normalized.street,
    normalized.city,
    normalized.state,
    normalized.zip,
    normalized.property_address,
    normalized.property_city,
    normalized.property_state,
    normalized.property_zip,
    normalized.budget,
    normalized.message
from leads.normalized_leads as normalized
inner join leads.staged_leads as staged on normalized.lead_id = staged.lead_id
where normalized.batch_id = :batch_id and staged.batch_id = :batch_id;

-- name: count_events_behind(waited_seconds)$
-- How many events have waited so long or longer for a batch to take them; not those held until working hours.
select count(*)
from landing.events
where
    status = 'pending'
    and landed_at <= now() - make_interval(secs => :waited_seconds)
    and (lease_until is null or lease_until < now())
    and (hold_until is null or hold_until <= now());

-- name: write_enriched_leads(batch_id, rows)
-- Upsert what vendors told of a batch's leads, and give them; a lead that another batch has taken over is left out.
insert into leads.enriched_leads (
    lead_id,
    batch_id,
    address_verified,
    formatted_address,
    place_id,
    latitude,
    longitude,
    county,
    zip,
    geocoded_at,
    company,
    job_title,
    seniority,
    social_profiles,
    location,
    enriched_by,
    waits_for
)
select
    told.lead_id,
    :batch_id,
    told.address_verified,
    told.formatted_address,
    told.place_id,
    told.latitude,
    told.longitude,
    told.county,
    told.zip,
    case when told.is_geocoded then clock_timestamp() end,
    told.company,
    told.job_title,
    told.seniority,
    told.social_profiles,
    told.location,
    told.enriched_by,
    told.waits_for
from
    jsonb_to_recordset(:rows::jsonb)
        as told (
            lead_id bigint,
            address_verified boolean,
            formatted_address text,
            place_id text,
            latitude double precision,
            longitude double precision,
            county text,
            zip text,
            is_geocoded boolean,
            company text,
            job_title text,
            seniority text,
            social_profiles jsonb,
            location text,
            enriched_by text,
            waits_for jsonb
        )
inner join leads.staged_leads as staged on told.lead_id = staged.lead_id and staged.batch_id = :batch_id
on conflict (lead_id) do update
    set
        batch_id = excluded.batch_id,
        address_verified = excluded.address_verified,
        formatted_address = excluded.formatted_address,
        place_id = excluded.place_id,
        latitude = excluded.latitude,
        longitude = excluded.longitude,
        county = excluded.county,
        zip = excluded.zip,
        geocoded_at = excluded.geocoded_at,
        company = excluded.company,
        job_title = excluded.job_title,
        seniority = excluded.seniority,
        social_profiles = excluded.social_profiles,
        location = excluded.location,
        enriched_by = excluded.enriched_by,
        waits_for = excluded.waits_for,
        tried_at = now(),
        enriched_at = now()
returning lead_id;

-- name: claim_waiting_enrichments(vendors, most, days, patience_seconds)
-- Leads that wait for one of these vendors and have found their place, the longest untried first; nobody else takes
-- them for a while.
with waiting as (
    select enriched.lead_id
    from leads.enriched_leads as enriched
    inner join leads.staged_leads as staged on enriched.lead_id = staged.lead_id
    inner join landing.events as event on staged.event_id = event.event_id
    where
        enriched.waits_for <> '[]'
        and jsonb_exists_any(enriched.waits_for, :vendors::text[])
        and enriched.tried_at < clock_timestamp() - make_interval(secs => :patience_seconds)
        and event.status = 'staged'
        and event.lease_until is null
        and staged.received_at > now() - make_interval(days => :days)
    order by enriched.tried_at
    limit :most
    for update of enriched skip locked
),

taken as (
    update leads.enriched_leads
    set tried_at = clock_timestamp()
    from waiting
    where leads.enriched_leads.lead_id = waiting.lead_id
    returning leads.enriched_leads.lead_id, leads.enriched_leads.waits_for, leads.enriched_leads.batch_id
)

select
    taken.lead_id,
    taken.waits_for,
    taken.batch_id,
    normalized.first_name,
    normalized.last_name,
    normalized.email,
    normalized.email_kind,
    normalized.phone_e164,
    normalized.phone_valid,
    normalized.address,
    normalized.street,
    normalized.city,
    normalized.state,
    normalized.zip,
    normalized.property_address,
    normalized.property_city,
    normalized.property_state,
    normalized.property_zip,
    normalized.budget,
    normalized.message
from taken
inner join leads.normalized_leads as normalized on taken.lead_id = normalized.lead_id;

-- name: count_waiting_enrichments(days)
-- How many leads wait for each vendor's answer, and how many waited too long.
select
    vendor.name as vendor,
    count(*) filter (where staged.received_at > now() - make_interval(days => :days)) as waiting,
    count(*) filter (where staged.received_at <= now() - make_interval(days => :days)) as given_up
from leads.enriched_leads as enriched
inner join leads.staged_leads as staged on enriched.lead_id = staged.lead_id
cross join jsonb_array_elements_text(enriched.waits_for) as vendor (name)
where enriched.waits_for <> '[]'
group by vendor.name;

-- name: add_late_facts(rows)
-- Add to leads what came late, once: gives those whose row waited for it.
update leads.enriched_leads as enriched
set
    address_verified = enriched.address_verified or told.address_verified,
    formatted_address = coalesce(told.formatted_address, enriched.formatted_address),
    place_id = coalesce(told.place_id, enriched.place_id),
    latitude = coalesce(told.latitude, enriched.latitude),
    longitude = coalesce(told.longitude, enriched.longitude),
    county = coalesce(told.county, enriched.county),
    zip = coalesce(told.zip, enriched.zip),
    geocoded_at = coalesce(enriched.geocoded_at, case when told.is_geocoded then clock_timestamp() end),
    company = coalesce(enriched.company, told.company),
    job_title = coalesce(enriched.job_title, told.job_title),
    seniority = coalesce(enriched.seniority, told.seniority),
    social_profiles = case when enriched.enriched_by is null then told.social_profiles else enriched.social_profiles end,
    location = coalesce(enriched.location, told.location),
    enriched_by = coalesce(enriched.enriched_by, told.enriched_by),
    waits_for = told.waits_for,
    enriched_at = now()
from
    jsonb_to_recordset(:rows::jsonb)
        as told (
            lead_id bigint,
            address_verified boolean,
            formatted_address text,
            place_id text,
            latitude double precision,
            longitude double precision,
            county text,
            zip text,
            is_geocoded boolean,
            company text,
            job_title text,
            seniority text,
            social_profiles jsonb,
            location text,
            enriched_by text,
            waits_for jsonb
        )
where
    enriched.lead_id = told.lead_id
    and enriched.waits_for <> told.waits_for
returning enriched.lead_id, enriched.batch_id;

-- name: list_leads_in_crm(lead_ids)
-- Which of these leads go or went into the CRM, and the agent of each; none for the drip's.
select
    assigned.lead_id,
    assigned.agent_id
from leads.assigned_leads as assigned
where
    assigned.lead_id = any(:lead_ids::bigint[])
    and exists (
        select from delivery.outbox
        where outbox.lead_id = assigned.lead_id and outbox.kind = 'crm_contact'
    );

-- name: take_out_of_drip(lead_ids)!
-- Have leads of the drip assigned, by the next run that gives out leads.
insert into routing.waiting_leads (lead_id, reason)
select
    lead_id,
    'no longer low'
from leads.assigned_leads
where lead_id = any(:lead_ids::bigint[]) and method = 'drip'
on conflict (lead_id) do nothing;

-- name: forget_coordinates(keep_days)!
-- Forget what the geocoder's terms allow to keep for so many days only; the place's id and our verdict stay.
update leads.enriched_leads
set
    formatted_address = null,
    latitude = null,
    longitude = null,
    county = null,
    zip = null
where latitude is not null and geocoded_at < clock_timestamp() - make_interval(days => :keep_days);
