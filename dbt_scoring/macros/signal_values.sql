-- Months until the lead wants to move, from what people and forms write: "1-3 months" (the far end counts), "2 weeks",
-- "ASAP", "over a year". Null for anything else: a date or prose is not guessed at.
{% macro timeframe_months(column) -%}
    case
        when {{ column }} ~* '\m(asap|immediate(ly)?|now|right away|urgent|ready)\M' then 0
        when {{ column }} ~* '\d\s*\+?\s*(d[ií]as?|days?)\M'
            then round((regexp_match({{ column }}, '(\d{1,3})\s*\+?\s*d', 'i'))[1]::numeric / 30, 2)
        when {{ column }} ~* '\d\s*\+?\s*(weeks?|semanas?)\M'
            then round((regexp_match({{ column }}, '(\d{1,3})\s*\+?\s*(?:w|s)', 'i'))[1]::numeric * 7 / 30, 2)
        when {{ column }} ~* '\d\s*\+?\s*(months?|mos?|meses|mes)\M'
            then (regexp_match({{ column }}, '(\d{1,3})\s*\+?\s*m', 'i'))[1]::numeric
        when {{ column }} ~* '\d\s*\+?\s*(years?|yrs?|años?)\M'
            then (regexp_match({{ column }}, '(\d{1,2})\s*\+?\s*(?:y|a)', 'i'))[1]::numeric * 12
        when {{ column }} ~* '\ma (year|month|week)\M'
            then case when {{ column }} ~* '\myear\M' then 12 when {{ column }} ~* '\mmonth\M' then 1 else 0.25 end
    end
{%- endmacro %}


-- How senior a job is, 1 (entry) to 5 (owns or leads the company), from the words that enrichment vendors use.
{% macro seniority_rank(column) -%}
    case lower({{ column }})
        when 'owner' then 5
        when 'founder' then 5
        when 'partner' then 5
        when 'cxo' then 5
        when 'c_suite' then 5
        when 'executive' then 5
        when 'vp' then 4
        when 'director' then 4
        when 'head' then 4
        when 'manager' then 3
        when 'senior' then 3
        when 'entry' then 1
        when 'training' then 1
        when 'unpaid' then 1
    end
{%- endmacro %}
