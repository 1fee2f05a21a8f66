-- name: put_scoring_in_force(schema)$
-- Swap tested scoring models in and keep their content; gives their version.
select ops.put_scoring_in_force(:schema);

-- name: drop_trial_scoring(schema)!
-- Drop scoring models that are not in force.
select ops.drop_trial_scoring(:schema);

-- name: list_open_leads(scoring_version, after, limit)
-- Leads without a place that nobody works on and that another version has scored, by id.
select scored.lead_id
from leads.scored_leads as scored
inner join leads.staged_leads as staged on scored.lead_id = staged.lead_id
inner join landing.events as event on staged.event_id = event.event_id
where
    scored.lead_id > :after
    and scored.scoring_version <> :scoring_version
    and event.lease_until is null
    and not exists (select from leads.assigned_leads as assigned where assigned.lead_id = scored.lead_id)
order by scored.lead_id
limit :limit;

-- name: rescore_leads(lead_ids, rescoring_id)
-- Score these leads by the weights in force; for leads that have a score already.
with rescored as (
    update leads.scored_leads as scored
    set
        score = score.score,
        bucket = score.bucket,
        contributions = score.contributions,
        scoring_version = score.scoring_version,
        scored_at = now()
    from scoring.lead_scores as score
    where scored.lead_id = score.lead_id and score.lead_id = any(:lead_ids)
    returning scored.lead_id, scored.score, scored.bucket, scored.scoring_version, scored.contributions
),

noted as (
    insert into ops.lead_events (event_id, lead_id, batch_id, kind, detail)
    select
        staged.event_id,
        staged.lead_id,
        :rescoring_id,
        'scored',
        jsonb_build_object(
            'score', rescored.score,
            'bucket', rescored.bucket,
            'scoring_version', rescored.scoring_version,
            'because', 'the weights have changed',
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

select lead_id from rescored;

-- name: read_trial_scores(schema, first_lead_id, last_lead_id)
-- What the scoring models in a schema give leads, by range of ids.
select
    trial.lead_id,
    trial.score,
    trial.bucket
from ops.read_trial_scores(:schema, :first_lead_id, :last_lead_id) as trial;
