-- The patterns are made once per statement, not once per lead. Most messages say no keyword and are looked at once; only
-- of the others are sentences taken apart, and only sentences that deny anything are searched for what they deny.
with words as materialized (
    select
        keyword_group,
        keyword,
        regexp_replace(lower(btrim(keyword)), '[\s-]+', ' ', 'g') as plain
    from {{ ref('scoring_keywords') }}
),

patterns as materialized (
    select
        keyword_group,
        '\m(' || keywords || ')\M' as pattern,
        {{ negated_pattern('keywords') }} as negated
    from (
        select
            keyword_group,
            string_agg({{ keyword_pattern('keyword') }}, '|' order by length(keyword) desc, keyword) as keywords
        from {{ ref('scoring_keywords') }}
        group by keyword_group
    ) as groups
)

select
    leads.lead_id,
    leads.batch_id,
    patterns.keyword_group,
    found.keywords
from {{ source('leads', 'normalized_leads') }} as leads
inner join patterns on leads.message ~* patterns.pattern
cross join lateral (
    select string_agg(distinct words.keyword, ', ' order by words.keyword) as keywords
    from regexp_split_to_table({{ plain_text('leads.message') }}, '[.;!]\s') as sentence
    cross join lateral
        regexp_matches(
            case
                when sentence ~ {{ any_denial_pattern() }} then regexp_replace(sentence, patterns.negated, ' ', 'g')
                else sentence
            end,
            patterns.pattern, 'g'
        ) as hit
    inner join words
        on regexp_replace(hit[1], '[\s-]+', ' ', 'g') = words.plain and patterns.keyword_group = words.keyword_group
    where sentence ~ patterns.pattern
) as found
where found.keywords is not null
