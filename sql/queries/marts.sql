-- name: have_marts_aged()$
-- Whether anything has happened that the marts do not show yet.
with last_refresh as (
    select coalesce(max(refreshed_at), '-infinity') as refreshed_at
    from analytics.source_days
)

select
    exists (
        select from landing.events, last_refresh
        where landed_at > last_refresh.refreshed_at
    )
    or exists (
        select from leads.assigned_leads, last_refresh
        where assigned_at > last_refresh.refreshed_at
    )
    or exists (
        select from leads.outcomes, last_refresh
        where recorded_at > last_refresh.refreshed_at
    );
