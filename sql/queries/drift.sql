-- name: count_fill_rates(last_leads, now_days, past_days)
-- For each mail source and field: how often it is filled in the last leads and in those before, and the latest events
-- without it.
with leads as (
    select
        staged.*,
        row_number() over (partition by staged.source order by staged.received_at desc) <= :last_leads
        and staged.received_at > now() - make_interval(days => :now_days) as is_now
    from leads.staged_leads as staged
    where
        staged.channel = 'email'
        and staged.received_at > now() - make_interval(days => :past_days)
),

facts as (
    select
        leads.source,
        fact.field,
        leads.event_id,
        leads.received_at,
        leads.is_now,
        fact.value is not null as is_filled
    from leads
    cross join lateral (
        values
        ('name', coalesce(leads.name, leads.first_name, leads.last_name)),
        ('email', coalesce(leads.email, leads.relay_email)),
        ('phone', leads.phone),
        ('message', leads.message),
        ('budget', leads.budget),
        ('property_address', leads.property_address)
    ) as fact (field, value)
)

select
    source,
    field,
    count(*) filter (where is_filled and not is_now) as filled_before,
    count(*) filter (where not is_now) as leads_before,
    count(*) filter (where is_filled and is_now) as filled_now,
    count(*) filter (where is_now) as leads_now,
    array_agg(event_id order by received_at desc) filter (where not is_filled and is_now) as event_ids
from facts
group by source, field;

-- name: count_source_rhythms(past_days)
-- For each source and hour of the week (0 is Monday's first, UTC): how many events came, and since when and until when.
select
    channel,
    source,
    (
        (extract(isodow from received_at at time zone 'UTC') - 1) * 24
        + extract(hour from received_at at time zone 'UTC')
    )::integer as hour_of_week,
    count(*) as events,
    min(received_at) as first_at,
    max(received_at) as last_at
from landing.events
where received_at > now() - make_interval(days => :past_days) and source <> 'inbox'
group by channel, source, hour_of_week;

-- name: count_healed_labels(days)
-- The labels that stood for one a rule knows, by rule and field: how many leads of the last days, and the latest events.
with healed as (
    select
        staged.rule,
        origin.key as field,
        regexp_match(origin.value, '^\w+: label (.*) \(healed from (.*)\)$') as labels,
        staged.event_id,
        staged.received_at
    from leads.staged_leads as staged
    cross join lateral jsonb_each_text(staged.origins) as origin
    where
        staged.channel = 'email'
        and staged.received_at > now() - make_interval(days => :days)
        and strpos(origin.value, '(healed from ') > 0
),

placed as (
    select
        healed.*,
        row_number() over (
            partition by healed.rule, healed.field, healed.labels
            order by healed.received_at desc, healed.event_id desc
        ) as place
    from healed
    where healed.labels is not null
)

select
    rule,
    field,
    labels[1] as label,
    labels[2] as known,
    count(*) as leads,
    array_agg(event_id order by place) filter (where place <= 3) as event_ids
from placed
group by rule, field, labels
order by leads desc, rule asc, field asc, label asc;
