-- Not materialized: a batch or a lead asked for is then all that is read of a table that grows for ever.
with judged as not materialized (
    select
        lead_id,
        batch_id,
        intent,
        sentiment,
        readiness,
        confidence,
        model || ', ' || to_char(confidence, 'FM0.00') as judge
    from {{ source('leads', 'inquiry_intents') }}
)

select
    lead_id,
    batch_id,
    'readiness' as signal,
    readiness::numeric as value,
    'readiness ' || readiness || ' (' || judge || ')' as evidence
from judged

union all

select
    lead_id,
    batch_id,
    'intent_' || intent as signal,
    confidence::numeric as value,
    intent || ' (' || judge || ')' as evidence
from judged

union all

select
    lead_id,
    batch_id,
    sentiment || '_sentiment' as signal,
    1::numeric as value,
    sentiment || ' (' || judge || ')' as evidence
from judged
where sentiment != 'neutral'
