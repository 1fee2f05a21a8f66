-- The patterns are made once per statement, not once per lead. Most messages say no keyword and are looked at once; only
-- messages that deny anything are taken apart, and only their sentences that do are searched for what they deny.
with words as materialized (
    select
        keyword_group,
        keyword,
        {{ joined_words('keyword') }} as plain
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
cross join
    lateral (
        select string_agg(distinct words.keyword, ', ' order by words.keyword) as keywords
        from (
            select leads.message as said
            where leads.message !~* {{ any_denial_pattern() }}
            union all
            select
                case
                    when sentence ~ {{ any_denial_pattern() }} then regexp_replace(sentence, patterns.negated, ' ', 'g')
                    else sentence
                end as said
            from regexp_split_to_table({{ plain_text('leads.message') }}, '[.;!]\s') as sentence
            where leads.message ~* {{ any_denial_pattern() }} and sentence ~ patterns.pattern
        ) as parts
        cross join lateral regexp_matches(parts.said, patterns.pattern, 'gi') as hit
        inner join words on {{ joined_words('hit[1]') }} = words.plain and patterns.keyword_group = words.keyword_group
    ) as found
where found.keywords is not null
