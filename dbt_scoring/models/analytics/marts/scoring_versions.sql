select
    scoring_version_id,
    scoring_version,
    in_force_from,
    lead(in_force_from) over (order by scoring_version_id) as in_force_until,
    weights,
    keywords,
    thresholds,
    sources
from {{ source('ops', 'scoring_versions') }}
