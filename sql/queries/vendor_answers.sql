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

-- name: release_question(vendor, request_key, claim_token, seconds, is_paid, reason)!
-- Let somebody ask again, after so many seconds.
update vendors.answers
set
    claim_token = null,
    claimed_until = clock_timestamp() + make_interval(secs => :seconds),
    is_paid = is_paid or :is_paid,
    reason = :reason
where vendor = :vendor and request_key = :request_key and claim_token = :claim_token::uuid and status = 'asked';

-- name: save_answer(vendor, request_key, status, facts, reason, keep_days)!
-- Keep an answer, whoever holds the claim by now: it was paid for.
insert into vendors.answers (vendor, request_key, status, facts, reason, is_paid, attempts, answered_at, expires_at)
values (
    :vendor,
    :request_key,
    :status,
    :facts::jsonb,
    :reason,
    true,
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
        claim_token = null,
        claimed_until = null,
        answered_at = excluded.answered_at,
        expires_at = excluded.expires_at;

-- name: forget_answers()!
-- Delete the answers whose time is over.
delete from vendors.answers
where expires_at < clock_timestamp();
