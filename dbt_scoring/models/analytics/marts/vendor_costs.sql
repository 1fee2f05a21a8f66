select
    {{ day_of('costs.booked_at') }} as day,
    staged.source,
    costs.vendor,
    count(*) as answers,
    sum(costs.cost) as dollars
from {{ source('vendors', 'lead_costs') }} as costs
inner join {{ source('leads', 'staged_leads') }} as staged on costs.lead_id = staged.lead_id
group by {{ day_of('costs.booked_at') }}, staged.source, costs.vendor
