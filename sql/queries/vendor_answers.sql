-- name: read_answers(questions)
-- The answers that are known and not expired.
select
    answers.vendor,
    answers.request_key,
    answers.facts
from jsonb_to_recordset(:questions::jsonb) as question (vendor text, request_key text)
inner join vendors.answers as answers
    on question.vendor = answers.vendor and question.request_key = answers.request_key
where answers.status <> 'asked' and answers.expires_at > clock_timestamp();

-- name: claim_question(vendor, request_key, claim_token, lease_seconds)^
-- Be the one who asks; no row when the answer is known or somebody else is asking.
insert into vendors.answers as answers (vendor, request_key, claim_token, claimed_until, attempts)
values (
    :vendor,
    :request_key,
    :claim_token::uuid,
    clock_timestamp() + make_interval(secs => :lease_seconds),
    1
)
on conflict (vendor, request_key) do update
    set
        status = 'asked',
        facts = null,
        is_paid = answers.is_paid and answers.status = 'asked',
        claim_token = excluded.claim_token,
        claimed_until = excluded.claimed_until,
        attempts = answers.attempts + 1,
        asked_at = clock_timestamp(),
        answered_at = null,
        expires_at = null
    where
    (answers.status = 'asked' and (answers.claimed_until is null or answers.claimed_until <= clock_timestamp()))
    or answers.expires_at <= clock_timestamp()
returning answers.is_paid;

-- name: release_question(vendor, request_key, claim_token, seconds, is_paid, cost, reason)!
-- Let somebody ask again, after so many seconds; what was paid by now is for the lead that gets the answer.
update vendors.answers
set
    claim_token = null,
    claimed_until = clock_timestamp() + make_interval(secs => :seconds),
    is_paid = is_paid or :is_paid,
    cost_to_book = cost_to_book + :cost::numeric,
    reason = :reason
where vendor = :vendor and request_key = :request_key and claim_token = :claim_token::uuid and status = 'asked';

-- name: save_answer(vendor, request_key, status, facts, reason, cost, keep_days)!
-- Keep an answer, whoever holds the claim by now: it was paid for.
insert into vendors.answers as answers (
    vendor,
    request_key,
    status,
    facts,
    reason,
    is_paid,
    cost_to_book,
    attempts,
    answered_at,
    expires_at
)
values (
    :vendor,
    :request_key,
    :status,
    :facts::jsonb,
    :reason,
    true,
    :cost::numeric,
    1,
    clock_timestamp(),
    clock_timestamp() + make_interval(days => :keep_days)
)
on conflict (vendor, request_key) do update
    set
        status = excluded.status,
        facts = excluded.facts,
        reason = excluded.reason,
        is_paid = true,
        cost_to_book = answers.cost_to_book + excluded.cost_to_book,
        claim_token = null,
        claimed_until = null,
        answered_at = excluded.answered_at,
        expires_at = excluded.expires_at;

-- name: book_answers(batch_id, rows)!
-- Charge what answers cost to the first lead that each was asked for, once, and note of every lead who answered what.
with asked as (
    select
        told.lead_id,
        told.vendor,
        told.request_key,
        told.verdict
    from jsonb_to_recordset(:rows::jsonb) as told (lead_id bigint, vendor text, request_key text, verdict text)
),

unbooked as (
    select
        answers.vendor,
        answers.request_key,
        answers.cost_to_book
    from vendors.answers as answers
    where
        answers.cost_to_book > 0
        and (answers.vendor, answers.request_key) in (
            select
                asked.vendor,
                asked.request_key
            from asked
            where asked.verdict <> 'awaited'
        )
    order by answers.vendor, answers.request_key
    for update
),

emptied as (
    update vendors.answers as answers
    set cost_to_book = 0
    from unbooked
    where answers.vendor = unbooked.vendor and answers.request_key = unbooked.request_key
),

charged as (
    insert into vendors.lead_costs (lead_id, vendor, cost)
    select
        min(asked.lead_id),
        unbooked.vendor,
        unbooked.cost_to_book
    from unbooked
    inner join asked on unbooked.vendor = asked.vendor and unbooked.request_key = asked.request_key
    group by unbooked.vendor, unbooked.request_key, unbooked.cost_to_book
    returning lead_id, cost
),

costs as (
    select
        paid.lead_id,
        sum(paid.cost) as dollars
    from (
        select
            charged.lead_id,
            charged.cost
        from charged
        union all
        select
            before.lead_id,
            before.cost
        from vendors.lead_costs as before
        where before.lead_id in (select asked.lead_id from asked)
    ) as paid
    group by paid.lead_id
)

insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
select
    staged.event_id,
    staged.lead_id,
    :batch_id,
    'enriched',
    jsonb_object_agg(asked.vendor, asked.verdict) || jsonb_build_object('cost_dollars', coalesce(max(costs.dollars), 0))
from asked
inner join leads.staged_leads as staged on asked.lead_id = staged.lead_id
left join costs on asked.lead_id = costs.lead_id
group by staged.event_id, staged.lead_id
on conflict (event_id, kind, batch_id) do update set detail = excluded.detail;

-- name: forget_answers()!
-- Delete the answers whose time is over.
delete from vendors.answers
where expires_at < clock_timestamp();
