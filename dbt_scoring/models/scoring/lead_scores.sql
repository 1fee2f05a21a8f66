with sums as (
    select
        leads.lead_id,
        leads.batch_id,
        leads.sender_unproven,
        coalesce(sum(contributions.points), 0)::integer as score,
        coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'rule', contributions.rule,
                    'points', contributions.points,
                    'evidence', contributions.evidence
                )
                order by contributions.points desc, contributions.rule asc
            ) filter (where contributions.rule is not null),
            '[]'
        ) as contributions
    from {{ source('leads', 'normalized_leads') }} as leads
    left join {{ ref('lead_score_contributions') }} as contributions
        on leads.lead_id = contributions.lead_id and leads.batch_id = contributions.batch_id
    group by leads.lead_id, leads.batch_id, leads.sender_unproven
)

select
    sums.lead_id,
    sums.batch_id,
    sums.score,
    -- Anyone can forge a hot lead: who claims a portal and cannot prove it is treated as standard at most.
    case when sums.sender_unproven and thresholds.bucket = 'hot' then 'standard' else thresholds.bucket end as bucket,
    sums.contributions,
    version.scoring_version
from sums
inner join {{ ref('scoring_thresholds') }} as thresholds
    on
        sums.score >= coalesce(thresholds.lower, sums.score)
        and sums.score <= coalesce(thresholds.upper, sums.score)
cross join {{ ref('scoring_version') }} as version
