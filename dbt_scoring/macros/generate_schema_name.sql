-- A schema has the same name in every stack: the pipeline reads `scoring.lead_scores`, whoever built it.
-- leadflow builds the scoring models beside those in force first, in a schema that it names here, and swaps them in
-- when all tests have passed.
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name == 'scoring' -%}
        {{ env_var('LEADFLOW_DBT_SCORING_SCHEMA', 'scoring') }}
    {%- else -%}
        {{ custom_schema_name | trim if custom_schema_name else target.schema }}
    {%- endif -%}
{%- endmacro %}
