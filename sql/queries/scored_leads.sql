-- name: write_scored_leads(batch_id, lead_ids)
-- Score the batch, or only these leads of it, by the weights in force and keep which they were; an assigned lead keeps
-- the score it was assigned by.
with scored as (
    insert into leads.scored_leads (lead_id, batch_id, score, bucket, contributions, scoring_version)
    select
        score.lead_id,
        score.batch_id,
        score.score,
        score.bucket,
        score.contributions,
        score.scoring_version
    from scoring.lead_scores as score
    where
        score.batch_id = :batch_id
        and (:lead_ids::bigint[] is null or score.lead_id = any(:lead_ids::bigint[]))
    on conflict (lead_id) do update
        set
            batch_id = excluded.batch_id,
            score = excluded.score,
            bucket = excluded.bucket,
            contributions = excluded.contributions,
            scoring_version = excluded.scoring_version,
            scored_at = now()
        where not exists (
            select from leads.assigned_leads as assigned where assigned.lead_id = excluded.lead_id
        )
    returning lead_id, score, bucket, scoring_version, contributions
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        staged.event_id,
        staged.lead_id,
        :batch_id,
        'scored',
        jsonb_build_object(
            'score', scored.score,
            'bucket', scored.bucket,
            'scoring_version', scored.scoring_version,
            'rules', (
                select coalesce(
                    jsonb_agg(rule.value - 'evidence'), '[]'
                ) from jsonb_array_elements(scored.contributions) as rule
            )
        )
    from scored
    inner join leads.staged_leads as staged on scored.lead_id = staged.lead_id
    on conflict (event_id, kind, batch_id) do nothing
)

select
    bucket,
    count(*) as leads
from scored
group by bucket;

-- name: rescore_leads(lead_ids, batch_id, because)
-- Score leads that have a score anew, by the weights in force and what is known now; gives those for whom that changes
-- anything. Who has the lead stays as it is.
with rescored as (
    update leads.scored_leads as scored
    set
        score = score.score,
        bucket = score.bucket,
        contributions = score.contributions,
        scoring_version = score.scoring_version,
        scored_at = now()
    from scoring.lead_scores as score
    where
        score.lead_id = any(:lead_ids::bigint[])
        and scored.lead_id = score.lead_id
        and (scored.score, scored.bucket, scored.contributions, scored.scoring_version)
        is distinct from (score.score, score.bucket, score.contributions, score.scoring_version)
    returning scored.lead_id, scored.score, scored.bucket, scored.scoring_version, scored.contributions
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        staged.event_id,
        staged.lead_id,
        :batch_id,
        'scored',
        jsonb_build_object(
            'score', rescored.score,
            'bucket', rescored.bucket,
            'scoring_version', rescored.scoring_version,
            'because', :because::text,
            'rules', (
                select coalesce(
                    jsonb_agg(rule.value - 'evidence'), '[]'
                ) from jsonb_array_elements(rescored.contributions) as rule
            )
        )
    from rescored
    inner join leads.staged_leads as staged on rescored.lead_id = staged.lead_id
    on conflict (event_id, kind, batch_id) do nothing
)

select
    lead_id,
    bucket
from rescored;
