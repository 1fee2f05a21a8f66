with reached as (
    select
        lead_id,
        -- Who has an appointment or a deal was contacted, whether anybody noted it or not.
        min(happened_at) filter (where stage <> 'lost') as contacted_at,
        min(happened_at) filter (where stage in ('appointment', 'won')) as appointment_at,
        min(happened_at) filter (where stage = 'won') as won_at,
        min(happened_at) filter (where stage = 'lost') as lost_at
    from {{ source('leads', 'outcomes') }}
    group by lead_id
),

touched as (
    select
        lead_id,
        min(touched_at) as touched_at
    from {{ source('routing', 'touches') }}
    group by lead_id
)

select
    staged.lead_id,
    staged.source,
    staged.channel,
    staged.received_at,
    {{ day_of('staged.received_at') }} as day,
    scored.bucket,
    assigned.method,
    assigned.agent_id,
    assigned.assigned_at,
    case when assigned.method = 'claim' then claims.claimed_at end as claimed_at,
    -- Who was contacted was tried for, whether anybody noted it or not.
    least(touched.touched_at, reached.contacted_at) as touched_at,
    reached.contacted_at,
    reached.appointment_at,
    reached.won_at,
    reached.lost_at
from {{ source('leads', 'staged_leads') }} as staged
left join {{ source('leads', 'scored_leads') }} as scored on staged.lead_id = scored.lead_id
left join {{ source('leads', 'assigned_leads') }} as assigned on staged.lead_id = assigned.lead_id
left join {{ source('routing', 'claims') }} as claims on staged.lead_id = claims.lead_id
left join touched on staged.lead_id = touched.lead_id
left join reached on staged.lead_id = reached.lead_id
