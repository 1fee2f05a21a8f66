-- name: write_inquiry_questions(rows)!
-- Note what a language model is to be asked; the same words are asked once per model.
insert into leads.inquiry_questions (text_hash, model)
select
    question.text_hash,
    question.model
from jsonb_to_recordset(:rows::jsonb) as question (text_hash text, model text)
on conflict (text_hash, model) do nothing;

-- name: has_due_questions(model)$
-- Whether a question is due, or an answer is not in force yet for a lead with the same words.
select
    exists (
        select from leads.inquiry_questions as question
        where question.model = :model and question.status = 'pending' and question.due_at <= now()
    )
    or exists (
        select from leads.inquiry_questions as question
        inner join leads.inquiry_intents as judged on question.text_hash = judged.text_hash
        where question.model = :model and question.status = 'answered' and judged.llm_model is distinct from :model
    );

-- name: claim_inquiry_question(model, lease_seconds)^
-- Take the question that has been due longest and whose lead has its place, for one asker.
with due as (
    select
        question.text_hash,
        question.model,
        lead.message,
        lead.full_name,
        lead.first_name,
        lead.last_name
    from leads.inquiry_questions as question
    cross join
        lateral (
            select
                normalized.message,
                normalized.full_name,
                normalized.first_name,
                normalized.last_name
            from leads.inquiry_intents as judged
            inner join leads.normalized_leads as normalized on judged.lead_id = normalized.lead_id
            where
                judged.text_hash = question.text_hash
                and normalized.message is not null
                and (
                    exists (select from leads.assigned_leads as placed where placed.lead_id = judged.lead_id)
                    or exists (select from routing.waiting_leads as waiting where waiting.lead_id = judged.lead_id)
                )
            order by judged.lead_id
            limit 1
        ) as lead
    where question.model = :model and question.status = 'pending' and question.due_at <= now()
    order by question.due_at, question.text_hash
    limit 1
    for update of question skip locked
)

update leads.inquiry_questions
set
    attempts = leads.inquiry_questions.attempts + 1,
    due_at = now() + make_interval(secs => :lease_seconds),
    asked_at = now()
from due
where leads.inquiry_questions.text_hash = due.text_hash and leads.inquiry_questions.model = due.model
returning
    leads.inquiry_questions.text_hash,
    leads.inquiry_questions.model,
    leads.inquiry_questions.attempts,
    due.message,
    due.full_name,
    due.first_name,
    due.last_name;

-- name: put_off_question(text_hash, model, reason, seconds, cost, untried)!
-- Ask again later, and keep what the try cost.
update leads.inquiry_questions
set
    due_at = now() + make_interval(secs => :seconds),
    reason = :reason,
    attempts = attempts - :untried,
    cost = cost + :cost
where text_hash = :text_hash and model = :model and status = 'pending';

-- name: write_question_outcome(text_hash, model, status, reason, cost, intent, sentiment, readiness, confidence)!
-- Keep an answer, or that there will be none, and what it cost.
update leads.inquiry_questions
set
    status = :status,
    reason = :reason,
    cost = cost + :cost,
    intent = :intent,
    sentiment = :sentiment,
    readiness = :readiness,
    confidence = :confidence
where text_hash = :text_hash and model = :model and status = 'pending';

-- name: list_answered_inquiries(model)
-- Leads whose words this model has judged while another verdict is in force.
select
    judged.lead_id,
    judged.local_intent,
    judged.local_sentiment,
    judged.local_readiness,
    judged.local_confidence,
    judged.local_model,
    question.intent,
    question.sentiment,
    question.readiness,
    question.confidence,
    question.model
from leads.inquiry_intents as judged
inner join leads.inquiry_questions as question on judged.text_hash = question.text_hash
where
    question.model = :model
    and question.status = 'answered'
    and judged.llm_model is distinct from :model
order by judged.lead_id
limit 1000
for update of judged skip locked;

-- name: write_language_verdicts(model, rows)!
-- Put a language model's verdicts in force beside the local ones.
update leads.inquiry_intents
set
    intent = settled.intent,
    sentiment = settled.sentiment,
    readiness = settled.readiness,
    confidence = settled.confidence,
    model = settled.model,
    llm_intent = settled.llm_intent,
    llm_sentiment = settled.llm_sentiment,
    llm_readiness = settled.llm_readiness,
    llm_confidence = settled.llm_confidence,
    llm_model = :model,
    llm_judged_at = now()
from jsonb_populate_recordset(null::leads.inquiry_intents, :rows::jsonb) as settled
where leads.inquiry_intents.lead_id = settled.lead_id;

-- name: count_disagreements(days)
-- Leads that both models have judged of late, by what each said.
select
    local_intent,
    llm_intent,
    local_intent != llm_intent as differs,
    count(*) as leads
from leads.inquiry_intents
where llm_intent is not null and judged_at > now() - make_interval(days => :days)
group by local_intent, llm_intent
order by count(*) desc, local_intent asc, llm_intent asc;
