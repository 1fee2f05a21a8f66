-- name: write_history(first_number, last_number, leads, days)!
-- Invent leads of the past, numbered, spread evenly over the last days, each with its whole way; for benchmarks.
with numbers as (
    select
        number,
        hashint8(number) & 1023 as dice,
        now() - make_interval(days => :days) * ((:leads - number)::double precision / :leads) as received_at,
        md5('history batch ' || number / 500)::uuid as batch_id,
        (array['zillow', 'realtor_com', 'website', 'streeteasy', 'homes_com', 'google_ads'])[1 + mod(number, 6)] as source
    from generate_series(:first_number::bigint, :last_number::bigint) as number
),

facts as (
    select
        numbers.*,
        mod(numbers.dice, 10) < 8 as has_phone,
        case when mod(numbers.dice, 3) = 0 then 200000 + 1000 * numbers.dice end as budget,
        mod(numbers.dice, 20) = 0 as is_ready
    from numbers
),

scores as (
    select
        facts.*,
        (case when facts.has_phone then 10 else 0 end)
        + (case when facts.budget > 500000 then 25 else 0 end)
        + (case when facts.is_ready then 50 else 0 end) as score,
        case
            when facts.has_phone
                then '[{"rule": "has_phone", "points": 10, "signal": "has_phone", "evidence": "valid number"}]'::jsonb
            else '[]'
        end
        || case
            when facts.budget > 500000
                then '[{"rule": "high_budget", "points": 25, "signal": "budget", "evidence": "$600,000"}]'::jsonb
            else '[]'
        end as contributions
    from facts
),

events as (
    insert into landing.events (
        channel, source, external_id, received_at, landed_at, content_type, raw, content_hash, status, batch_id, attempts
    )
    select
        case when mod(number, 2) = 0 then 'email' else 'webhook' end,
        source,
        'history-' || number,
        received_at,
        received_at as landed_at,
        'application/json',
        convert_to('{"number": ' || number || '}', 'UTF8'),
        md5('history ' || number),
        case when mod(number, 50) = 0 then 'quarantined' else 'staged' end,
        batch_id,
        1
    from scores
    returning event_id, external_id
),

staged as (
    insert into leads.staged_leads (
        event_id, batch_id, channel, source, rule, rule_version, received_at, email, message, staged_at
    )
    select
        events.event_id,
        scores.batch_id,
        case when mod(scores.number, 2) = 0 then 'email' else 'webhook' end,
        scores.source,
        'history',
        1,
        scores.received_at,
        'person' || scores.number || '@example.com',
        repeat('I would like to know more about this home. ', 1 + mod(scores.dice, 8)),
        scores.received_at + interval '1 second'
    from events
    inner join scores on events.external_id = 'history-' || scores.number
    where mod(scores.number, 50) > 0
    returning lead_id, event_id, received_at
),

leads as (
    select
        staged.lead_id,
        staged.event_id,
        scores.*,
        case when scores.score < 20 then 'low' when scores.score > 75 then 'hot' else 'standard' end as bucket
    from staged
    inner join events on staged.event_id = events.event_id
    inner join scores on events.external_id = 'history-' || scores.number
),

normalized as (
    insert into leads.normalized_leads (
        lead_id, batch_id, email, phone_e164, phone_valid, budget, city, state, zip, message, normalized_at
    )
    select
        lead_id,
        batch_id,
        'person' || number - mod(number, 3) || '@example.com',
        case when has_phone then '+1' || 2000000000 + number end,
        has_phone,
        budget,
        'Austin',
        'TX',
        '78704',
        repeat('I would like to know more about this home. ', 1 + mod(dice, 8))
        || case when is_ready then 'We are pre-approved.' else '' end,
        received_at + interval '1 second'
    from leads
),

enriched as (
    insert into leads.enriched_leads (lead_id, batch_id, address_verified, enriched_at)
    select
        lead_id,
        batch_id,
        mod(dice, 5) = 0,
        received_at + interval '1 second'
    from leads
    where mod(dice, 2) = 0
),

judged as (
    insert into leads.inquiry_intents (
        lead_id, batch_id, text_hash, intent, sentiment, readiness, confidence, model,
        local_intent, local_sentiment, local_readiness, local_confidence, local_model, judged_at
    )
    select
        lead_id,
        batch_id,
        md5(number::text),
        'browsing',
        'neutral',
        1,
        0.8,
        'history',
        'browsing',
        'neutral',
        1,
        0.8,
        'history',
        received_at + interval '1 second'
    from leads
),

scored as (
    insert into leads.scored_leads (lead_id, batch_id, score, bucket, contributions, scoring_version, scored_at)
    select
        lead_id,
        batch_id,
        score,
        bucket,
        contributions,
        'history',
        received_at + interval '2 seconds'
    from leads
),

agents as (
    select array_agg(agent_id order by rotation_order) as ids
    from routing.agents
),

assigned as (
    insert into leads.assigned_leads (lead_id, event_id, batch_id, agent_id, method, bucket, received_at, assigned_at)
    select
        lead_id,
        event_id,
        batch_id,
        case when bucket <> 'low' then agents.ids[1 + mod(number, cardinality(agents.ids))] end,
        case when bucket = 'low' then 'drip' else 'rotation' end,
        bucket,
        received_at,
        received_at + make_interval(secs => 2 + mod(dice, 60) / 10.0)
    from leads
    cross join agents
)

insert into leads.outcomes (lead_id, stage, happened_at, told_by, recorded_at)
select
    leads.lead_id,
    outcome.stage,
    leads.received_at + make_interval(mins => outcome.minutes),
    'history',
    leads.received_at + make_interval(mins => outcome.minutes)
from leads
cross join
    lateral (
        values
        ('contacted', 5 + mod(dice, 600), mod(dice, 10) < 4),
        ('appointment', 1500 + dice, mod(dice, 10) < 4 and mod(dice, 7) < 2),
        ('won', 20000 + dice, mod(dice, 10) < 4 and mod(dice, 7) = 0 and mod(dice, 4) = 0)
    ) as outcome (stage, minutes, is_reached)
where outcome.is_reached and leads.bucket <> 'low';

-- name: count_unanalyzed_tables()$
-- Large tables of ours whose statistics PostgreSQL has not made yet; its plans are guesses until then.
select count(*)
from pg_stat_user_tables
where
    schemaname in ('landing', 'leads')
    and n_live_tup > 10000
    and greatest(last_analyze, last_autoanalyze) is null;
