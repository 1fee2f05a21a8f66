{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['day', 'source'], 'unique': true}]
) }}

with arrived as (
    select
        {{ day_of('received_at') }} as day,
        source,
        count(*) as arrived,
        count(*) filter (where status = 'ignored') as ignored,
        count(*) filter (where status = 'quarantined') as quarantined
    from {{ source('landing', 'events') }}
    where {{ in_changed_days('received_at') }}
    group by day, source
),

leads as (
    select
        milestones.day,
        milestones.source,
        count(*) as leads,
        count(*) filter (where normalized.phone_valid) as with_phone,
        count(*) filter (where normalized.email is not null) as with_email,
        count(*) filter (where normalized.full_name is not null) as with_name,
        count(*) filter (where normalized.budget is not null) as with_budget,
        count(*) filter (where normalized.message is not null) as with_message,
        count(*) filter (where enriched.address_verified) as with_verified_address,
        count(*) filter (where milestones.bucket = 'low') as low,
        count(*) filter (where milestones.bucket = 'standard') as standard,
        count(*) filter (where milestones.bucket = 'hot') as hot,
        count(milestones.assigned_at) as assigned,
        count(milestones.touched_at) as touched,
        count(milestones.contacted_at) as contacted,
        count(milestones.appointment_at) as appointments,
        count(milestones.won_at) as won,
        coalesce(sum(extract(epoch from milestones.touched_at - milestones.received_at)), 0)::double precision
            as seconds_to_touch_sum,
        count(*) filter (where milestones.touched_at <= milestones.received_at + interval '5 minutes')
            as touched_within_5_minutes
    from {{ ref('lead_milestones') }} as milestones
    left join {{ source('leads', 'normalized_leads') }} as normalized on milestones.lead_id = normalized.lead_id
    left join {{ source('leads', 'enriched_leads') }} as enriched on milestones.lead_id = enriched.lead_id
    where {{ in_changed_days('milestones.received_at') }}
    group by milestones.day, milestones.source
)

-- A lead's source can be another than that of its event: a mail is from "inbox" until a rule has recognised it.
select
    coalesce(arrived.day, leads.day) as day,
    coalesce(arrived.source, leads.source) as source,
    coalesce(arrived.arrived, 0) as arrived,
    coalesce(arrived.ignored, 0) as ignored,
    coalesce(arrived.quarantined, 0) as quarantined,
    coalesce(leads.leads, 0) as leads,
    coalesce(leads.with_phone, 0) as with_phone,
    coalesce(leads.with_email, 0) as with_email,
    coalesce(leads.with_name, 0) as with_name,
    coalesce(leads.with_budget, 0) as with_budget,
    coalesce(leads.with_message, 0) as with_message,
    coalesce(leads.with_verified_address, 0) as with_verified_address,
    coalesce(leads.low, 0) as low,
    coalesce(leads.standard, 0) as standard,
    coalesce(leads.hot, 0) as hot,
    coalesce(leads.assigned, 0) as assigned,
    coalesce(leads.touched, 0) as touched,
    coalesce(leads.contacted, 0) as contacted,
    coalesce(leads.appointments, 0) as appointments,
    coalesce(leads.won, 0) as won,
    coalesce(leads.seconds_to_touch_sum, 0) as seconds_to_touch_sum,
    coalesce(leads.touched_within_5_minutes, 0) as touched_within_5_minutes,
    now() as refreshed_at
from arrived
full outer join leads on arrived.day = leads.day and arrived.source = leads.source
