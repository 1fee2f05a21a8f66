with monthly as (
    select
        date_trunc('month', day)::date as month,
        source,
        sum(leads) as leads,
        sum(assigned) as assigned,
        sum(touched) as touched,
        sum(contacted) as contacted,
        sum(appointments) as appointments,
        sum(won) as won,
        sum(seconds_to_touch_sum) as seconds_to_touch_sum,
        sum(touched_within_5_minutes) as touched_within_5_minutes
    from {{ ref('source_days') }}
    group by month, source
    having sum(leads) > 0
),

overhead as (
    select
        month,
        sum(dollars) as dollars
    from {{ ref('overhead_costs') }}
    group by month
)

select
    monthly.month,
    monthly.source,
    monthly.leads::bigint as leads,
    monthly.assigned::bigint as assigned,
    monthly.touched::bigint as touched,
    monthly.contacted::bigint as contacted,
    monthly.appointments::bigint as appointments,
    monthly.won::bigint as won,
    monthly.seconds_to_touch_sum / nullif(monthly.touched, 0)::double precision as response_seconds_mean,
    round(monthly.touched_within_5_minutes / nullif(monthly.touched, 0), 4) as touched_within_5_minutes_share,
    round(monthly.contacted / monthly.leads, 4) as contact_rate,
    round(monthly.appointments / monthly.leads, 4) as lead_to_appointment_rate,
    round(monthly.won / monthly.leads, 4) as lead_to_won_rate,
    round(overhead.dollars * monthly.leads / sum(monthly.leads) over (partition by monthly.month), 2)
        as overhead_cost_dollars,
    round(overhead.dollars / sum(monthly.leads) over (partition by monthly.month), 2) as overhead_cost_per_lead_dollars
from monthly
left join overhead on monthly.month = overhead.month
