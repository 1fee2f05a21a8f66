-- Every lead brings a row of its own beside its contributions: one without any has the score 0. Nothing is joined, so
-- that a batch or a lead asked for is all that is read.
with parts as (
    select
        lead_id,
        batch_id,
        null::text as rule,
        null::text as signal,
        0 as points,
        null::text as evidence,
        -- Caps sit here and nowhere else: 'standard' for a lead that must not be hot, whatever its score.
        -- Anyone can forge a hot lead: who claims a portal and cannot prove it is treated as standard at most.
        case when sender_unproven then 'standard' end as bucket_cap
    from {{ source('leads', 'normalized_leads') }}

    union all

    select
        lead_id,
        batch_id,
        rule,
        signal,
        points,
        evidence,
        null as bucket_cap
    from {{ ref('lead_score_contributions') }}
),

sums as (
    select
        lead_id,
        batch_id,
        sum(points)::integer as score,
        max(bucket_cap) as bucket_cap,
        coalesce(
            jsonb_agg(
                jsonb_build_object('rule', rule, 'signal', signal, 'points', points, 'evidence', evidence)
                order by points desc, rule asc
            ) filter (where rule is not null),
            '[]'
        ) as contributions
    from parts
    group by lead_id, batch_id
),

-- Made once per statement, not once per lead: it is a hash over the seeds.
version as materialized (
    select scoring_version
    from {{ ref('scoring_version') }}
)

select
    sums.lead_id,
    sums.batch_id,
    sums.score,
    case
        when sums.bucket_cap = 'standard' and thresholds.bucket = 'hot' then 'standard'
        else thresholds.bucket
    end as bucket,
    sums.contributions,
    version.scoring_version
from sums
inner join {{ ref('scoring_thresholds') }} as thresholds
    on
        sums.score >= coalesce(thresholds.lower, sums.score)
        and sums.score <= coalesce(thresholds.upper, sums.score)
cross join version
