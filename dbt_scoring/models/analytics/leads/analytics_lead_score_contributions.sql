{{ config(alias='lead_score_contributions') }}

select
    scored.lead_id,
    contribution.rule,
    contribution.signal,
    contribution.points,
    contribution.evidence,
    scored.score,
    scored.bucket,
    scored.scoring_version,
    scored.scored_at
from {{ source('leads', 'scored_leads') }} as scored
cross join
    lateral
    jsonb_to_recordset(scored.contributions) as contribution (rule text, signal text, points integer, evidence text)
