-- Analysts' role reads all of `analytics`; it is granted nothing else, anywhere. Where the role is missing (a database
-- whose owner has to make it) nothing is granted, and `leadflow doctor` says so.
{% macro grant_analysts() -%}
    {%- if execute and run_query("select 1 from pg_roles where rolname = 'leadflow_analyst'").rows -%}
        grant usage on schema analytics to leadflow_analyst;
        grant select on all tables in schema analytics to leadflow_analyst;
        alter default privileges in schema analytics grant select on tables to leadflow_analyst;
    {%- else -%}
        select 1
    {%- endif -%}
{%- endmacro %}
