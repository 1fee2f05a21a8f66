-- Scoring models and marts are built apart, and each is known by its own files.

alter table ops.dbt_builds add column part text not null default 'all';
alter table ops.dbt_builds drop constraint dbt_builds_pkey;
alter table ops.dbt_builds add primary key (part, project_hash);

comment on column ops.dbt_builds.part is 'scoring: what gives leads their score; marts: what analysts read; all: both, before they were told apart.';
