-- The months' spending is spread over the source's leads of the month, so that sums over days come out right.
with monthly as (
    select
        source,
        date_trunc('month', day)::date as month,
        sum(leads) as leads
    from {{ ref('source_days') }}
    group by source, month
)

select
    days.day,
    days.source,
    days.arrived,
    days.leads,
    days.ignored,
    days.quarantined,
    days.hot,
    days.contacted,
    days.appointments,
    days.won,
    round(days.quarantined::numeric / nullif(days.arrived, 0), 4) as quarantine_rate,
    round(days.with_phone::numeric / nullif(days.leads, 0), 4) as phone_fill_rate,
    round(days.with_email::numeric / nullif(days.leads, 0), 4) as email_fill_rate,
    round(days.with_name::numeric / nullif(days.leads, 0), 4) as name_fill_rate,
    round(days.with_budget::numeric / nullif(days.leads, 0), 4) as budget_fill_rate,
    round(days.with_message::numeric / nullif(days.leads, 0), 4) as message_fill_rate,
    round(days.with_verified_address::numeric / nullif(days.leads, 0), 4) as verified_address_rate,
    round(days.hot::numeric / nullif(days.leads, 0), 4) as hot_share,
    round(days.contacted::numeric / nullif(days.leads, 0), 4) as contact_rate,
    round(days.won::numeric / nullif(days.leads, 0), 4) as conversion_rate,
    round(spend.dollars * days.leads / nullif(monthly.leads, 0), 2) as spend_dollars,
    round(spend.dollars / nullif(monthly.leads, 0), 2) as cost_per_lead_dollars
from {{ ref('source_days') }} as days
inner join monthly on days.source = monthly.source and date_trunc('month', days.day)::date = monthly.month
left join {{ ref('source_spend') }} as spend on monthly.source = spend.source and monthly.month = spend.month
