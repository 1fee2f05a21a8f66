-- The patterns are made once per statement, not once per lead. What a message says is marked in it, and whatever is
-- asked further is asked of the marks: a pattern of all keywords is by far the dearest to look for. Only sentences with
-- a mark are asked whether they deny anything, and only the marks that are left then count.
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
        '\m(' || keywords || ')\M' as pattern
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
    lateral regexp_replace({{ plain_text('leads.message') }}, patterns.pattern, {{ marked('\\1') }}, 'g') as marked
cross join
    lateral (
        select string_agg(distinct words.keyword, ', ' order by words.keyword) as keywords
        from regexp_split_to_table(marked, '[.;!]\s(?![^‹›]*›)') as sentence
        cross join
            lateral regexp_matches(
                case
                    when sentence ~ {{ any_denial_pattern() }}
                        then regexp_replace(sentence, {{ denied_pattern() }}, ' ', 'g')
                    else sentence
                end,
                {{ marked('([^‹›]*)') }},
                'g'
            ) as hit
        inner join words on {{ joined_words('hit[1]') }} = words.plain and patterns.keyword_group = words.keyword_group
        where strpos(sentence, '‹') > 0
    ) as found
where found.keywords is not null
