-- The day of a time, where the brokerage is.
{% macro day_of(column) -%}
({{ column }} at time zone '{{ var("time_zone") }}')::date
{%- endmacro %}


-- A condition for marts that are kept by day of arrival: only days on which something has become different since the
-- mart was last brought up to date. A lead's day changes when it is read, enriched, scored, assigned, touched, or when
-- we are told what became of it, however much later. The hour before is looked at again, for what was committed meanwhile.
{% macro in_changed_days(column) -%}
{%- if not is_incremental() -%}
        true
    {%- else -%}
{%- set since = "(select coalesce(max(refreshed_at), '-infinity') - interval '1 hour' from " ~ this ~ ")" -%}
{%- set staged = source('leads', 'staged_leads') -%}
{%- set question -%}
select distinct {{ day_of('received_at') }} as day
            from (
                select received_at from {{ source('landing', 'events') }} where landed_at > {{ since }}
                union all
                select received_at from {{ staged }} where staged_at > {{ since }}
                union all
                select received_at from {{ source('leads', 'assigned_leads') }} where assigned_at > {{ since }}
                {%- for table, changed_at in (
                    (source('leads', 'enriched_leads'), 'enriched_at'),
                    (source('leads', 'scored_leads'), 'scored_at'),
                    (source('leads', 'outcomes'), 'recorded_at'),
                    (source('routing', 'touches'), 'recorded_at'),
                ) %}
                union all
                select staged.received_at
                from {{ table }} as changed
                inner join {{ staged }} as staged on changed.lead_id = staged.lead_id
                where changed.{{ changed_at }} > {{ since }}
                {%- endfor %}
            ) as changed
            order by day
        {%- endset -%}
        {%- set days = run_query(question).columns[0].values() | map('string') | list if execute else [] -%}
        {%- if not days -%}
            false
        {%- else -%}
            {{ column }} >= '{{ days[0] }}'::timestamp at time zone '{{ var("time_zone") }}'
            and {{ column }} < ('{{ days[-1] }}'::date + 1)::timestamp at time zone '{{ var("time_zone") }}'
            and {{ day_of(column) }} in ('{{ days | join("', '") }}')
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
