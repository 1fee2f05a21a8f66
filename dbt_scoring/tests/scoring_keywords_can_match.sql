-- A keyword is looked for between word boundaries, so it has to begin and end with a letter or digit: no row may come back.
select keyword
from {{ ref('scoring_keywords') }}
where btrim(keyword) !~ '^\w(.*\w)?$'
