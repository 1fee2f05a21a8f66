-- Every score falls into exactly one bucket: no row may come back.
with numbered as (
    select
        bucket,
        upper,
        lead(bucket) over in_order as next_bucket,
        lead(lower) over in_order as next_lower,
        row_number() over in_order as place,
        count(*) over () as buckets,
        lower
    from {{ ref('scoring_thresholds') }}
    window in_order as (order by lower nulls first)
)

select bucket
from numbered
where
    (place = 1 and lower is not null)
    or (place = buckets and upper is not null)
    or (place < buckets and upper + 1 is distinct from next_lower)
