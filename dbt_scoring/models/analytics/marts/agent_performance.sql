{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    on_schema_change='sync_all_columns',
    indexes=[{'columns': ['day', 'agent_id'], 'unique': true}]
) }}

with leads as (
    select
        milestones.*,
        extract(epoch from milestones.touched_at - milestones.assigned_at)::double precision as response_seconds
    from {{ ref('lead_milestones') }} as milestones
    where milestones.agent_id is not null and {{ in_changed_days('milestones.received_at') }}
)

select
    leads.day,
    leads.agent_id,
    agents.name as agent_name,
    count(*) as assigned,
    count(*) filter (where leads.bucket = 'hot') as hot,
    count(leads.claimed_at) as claimed,
    count(leads.touched_at) as touched,
    count(leads.contacted_at) as contacted,
    count(leads.appointment_at) as appointments,
    count(leads.won_at) as won,
    sum(leads.response_seconds) as response_seconds_sum,
    percentile_cont(0.5) within group (order by leads.response_seconds) as response_seconds_p50,
    round(count(leads.contacted_at)::numeric / count(*), 4) as contact_rate,
    round(count(leads.won_at)::numeric / count(*), 4) as conversion_rate,
    now() as refreshed_at
from leads
inner join {{ source('routing', 'agents') }} as agents on leads.agent_id = agents.agent_id
group by leads.day, leads.agent_id, agents.name
