{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['day', 'source', 'hour'], 'unique': true}]
) }}

with leads as (
    select
        day,
        source,
        extract(hour from received_at at time zone '{{ var("time_zone") }}')::integer as hour,
        extract(epoch from assigned_at - received_at)::double precision as seconds_to_assigned,
        extract(epoch from claimed_at - received_at)::double precision as seconds_to_claimed,
        extract(epoch from touched_at - received_at)::double precision as seconds_to_touch,
        extract(epoch from contacted_at - received_at)::double precision as seconds_to_contact
    from {{ ref('lead_milestones') }}
    where {{ in_changed_days('received_at') }}
)

select
    day,
    source,
    hour,
    count(*) as leads,
    count(seconds_to_assigned) as assigned,
    sum(seconds_to_assigned) as seconds_to_assigned_sum,
    percentile_cont(0.5) within group (order by seconds_to_assigned) as seconds_to_assigned_p50,
    percentile_cont(0.9) within group (order by seconds_to_assigned) as seconds_to_assigned_p90,
    percentile_cont(0.95) within group (order by seconds_to_assigned) as seconds_to_assigned_p95,
    count(*) filter (where seconds_to_assigned <= 90) as assigned_within_90_seconds,
    count(seconds_to_claimed) as claimed,
    sum(seconds_to_claimed) as seconds_to_claimed_sum,
    percentile_cont(0.5) within group (order by seconds_to_claimed) as seconds_to_claimed_p50,
    percentile_cont(0.9) within group (order by seconds_to_claimed) as seconds_to_claimed_p90,
    count(seconds_to_touch) as touched,
    sum(seconds_to_touch) as seconds_to_touch_sum,
    percentile_cont(0.5) within group (order by seconds_to_touch) as seconds_to_touch_p50,
    percentile_cont(0.9) within group (order by seconds_to_touch) as seconds_to_touch_p90,
    count(seconds_to_contact) as contacted,
    sum(seconds_to_contact) as seconds_to_contact_sum,
    percentile_cont(0.5) within group (order by seconds_to_contact) as seconds_to_contact_p50,
    percentile_cont(0.9) within group (order by seconds_to_contact) as seconds_to_contact_p90,
    now() as refreshed_at
from leads
group by day, source, hour
