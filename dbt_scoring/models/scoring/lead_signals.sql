with leads as (
    select
        normalized.lead_id,
        normalized.batch_id,
        normalized.phone_valid,
        normalized.budget,
        normalized.message,
        enriched.address_verified
    from {{ source('leads', 'normalized_leads') }} as normalized
    left join {{ source('leads', 'enriched_leads') }} as enriched on normalized.lead_id = enriched.lead_id
),

-- A keyword as a pattern: whole words, and between them a hyphen or white space.
keyword_patterns as (
    select
        keyword,
        keyword_group,
        '\m' || regexp_replace(lower(keyword), '[\s-]+', '[\s-]+', 'g') || '\M' as pattern
    from {{ ref('scoring_keywords') }}
),

keyword_hits as (
    select
        leads.lead_id,
        leads.batch_id,
        keyword_patterns.keyword_group as signal,
        1::numeric as value,
        string_agg(keyword_patterns.keyword, ', ' order by keyword_patterns.keyword) as evidence
    from leads
    inner join keyword_patterns on lower(leads.message) ~ keyword_patterns.pattern
    group by leads.lead_id, leads.batch_id, keyword_patterns.keyword_group
)

select
    lead_id,
    batch_id,
    'has_phone' as signal,
    1::numeric as value,
    'valid number' as evidence
from leads
where phone_valid

union all

select
    lead_id,
    batch_id,
    'verified_address' as signal,
    1::numeric as value,
    'found by the geocoder' as evidence
from leads
where address_verified

union all

select
    lead_id,
    batch_id,
    'budget' as signal,
    budget as value,
    '$' || trim(to_char(budget, 'FM999,999,999,999,999')) as evidence
from leads
where budget is not null

union all

select
    lead_id,
    batch_id,
    signal,
    value,
    evidence
from keyword_hits

union all

select
    lead_id,
    batch_id,
    signal,
    value,
    evidence
from {{ ref('inquiry_intent_signals') }}
