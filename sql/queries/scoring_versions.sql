-- name: put_scoring_in_force(schema)$
-- Swap tested scoring models in and keep their content; gives their version.
select ops.put_scoring_in_force(:schema);

-- name: drop_trial_scoring(schema)!
-- Drop scoring models that are not in force.
select ops.drop_trial_scoring(:schema);

-- name: list_open_leads(scoring_version, after, leads_at_once)
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
limit :leads_at_once;

-- name: find_lead_range(since)^
-- The ids of the leads that have arrived since.
select
    min(lead_id) as first_lead_id,
    max(lead_id) as last_lead_id
from leads.staged_leads
where received_at >= :since;

-- name: compare_trial_scores(schema, since, first_lead_id, last_lead_id)
-- Leads by range of ids, as the weights in force and those of a schema score them, with what became of them.
with reached as (
    select
        lead_id,
        bool_or(stage <> 'lost') as contacted,
        bool_or(stage in ('appointment', 'won')) as appointment,
        bool_or(stage = 'won') as won
    from leads.outcomes
    where lead_id between :first_lead_id and :last_lead_id
    group by lead_id
)

select
    staged.lead_id,
    old.score as old_score,
    old.bucket as old_bucket,
    new.score as new_score,
    new.bucket as new_bucket,
    coalesce(reached.contacted, false) as contacted,
    coalesce(reached.appointment, false) as appointment,
    coalesce(reached.won, false) as won
from leads.staged_leads as staged
inner join ops.read_trial_scores('scoring', :first_lead_id, :last_lead_id) as old on staged.lead_id = old.lead_id
inner join ops.read_trial_scores(:schema, :first_lead_id, :last_lead_id) as new on staged.lead_id = new.lead_id
left join reached on staged.lead_id = reached.lead_id
where staged.lead_id between :first_lead_id and :last_lead_id and staged.received_at >= :since
order by staged.lead_id;
