-- name: read_inquiries(batch_id)
-- The batch's messages, with the names to be masked.
select
    lead_id,
    message,
    full_name,
    first_name,
    last_name
from leads.normalized_leads
where batch_id = :batch_id
order by lead_id;

-- name: write_inquiry_intents(batch_id, rows)!
-- Upsert what the batch's messages say; a lead that another batch has taken over is left out. A language model's
-- answer to the same words is taken over again afterwards, from what it was asked.
insert into leads.inquiry_intents (
    lead_id,
    batch_id,
    text_hash,
    intent,
    sentiment,
    readiness,
    confidence,
    model,
    local_intent,
    local_sentiment,
    local_readiness,
    local_confidence,
    local_model,
    timeframe,
    financing,
    budget_low,
    budget_high,
    budget_is_monthly,
    bedrooms,
    areas,
    must_haves
)
select
    judged.lead_id,
    :batch_id,
    judged.text_hash,
    judged.intent,
    judged.sentiment,
    judged.readiness,
    judged.confidence,
    judged.model,
    judged.local_intent,
    judged.local_sentiment,
    judged.local_readiness,
    judged.local_confidence,
    judged.local_model,
    judged.timeframe,
    judged.financing,
    judged.budget_low,
    judged.budget_high,
    judged.budget_is_monthly,
    judged.bedrooms,
    judged.areas,
    judged.must_haves
from jsonb_populate_recordset(null::leads.inquiry_intents, :rows::jsonb) as judged
inner join leads.staged_leads as staged
    on judged.lead_id = staged.lead_id and staged.batch_id = :batch_id
on conflict (lead_id) do update
    set
        batch_id = excluded.batch_id,
        text_hash = excluded.text_hash,
        intent = excluded.intent,
        sentiment = excluded.sentiment,
        readiness = excluded.readiness,
        confidence = excluded.confidence,
        model = excluded.model,
        local_intent = excluded.local_intent,
        local_sentiment = excluded.local_sentiment,
        local_readiness = excluded.local_readiness,
        local_confidence = excluded.local_confidence,
        local_model = excluded.local_model,
        llm_intent = null,
        llm_sentiment = null,
        llm_readiness = null,
        llm_confidence = null,
        llm_model = null,
        llm_judged_at = null,
        timeframe = excluded.timeframe,
        financing = excluded.financing,
        budget_low = excluded.budget_low,
        budget_high = excluded.budget_high,
        budget_is_monthly = excluded.budget_is_monthly,
        bedrooms = excluded.bedrooms,
        areas = excluded.areas,
        must_haves = excluded.must_haves,
        judged_at = now();
