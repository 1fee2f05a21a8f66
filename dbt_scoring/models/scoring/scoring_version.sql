select
    md5(
        concat_ws(
            '|',
            (
                select string_agg(weights::text, '|' order by weights.rule)
                from {{ ref('scoring_weights') }} as weights
            ),
            (
                select string_agg(keywords::text, '|' order by keywords.keyword_group, keywords.keyword)
                from {{ ref('scoring_keywords') }} as keywords
            ),
            (
                select string_agg(thresholds::text, '|' order by thresholds.bucket)
                from {{ ref('scoring_thresholds') }} as thresholds
            ),
            (
                select string_agg(sources::text, '|' order by sources.source)
                from {{ ref('scoring_sources') }} as sources
            )
        )
    ) as scoring_version
