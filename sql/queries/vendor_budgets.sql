-- name: take_calls(vendor, scope, calls, at_least, cost)^
-- Take up to so many calls out of a budget in one conditional update; no row when it allows fewer than asked for now.
-- When another transaction has changed the row meanwhile, PostgreSQL decides anew on the changed row. It does so for
-- subqueries and not for CTEs, which keep what they computed from the row as it was.
update vendors.budgets as budget
set (granted, drawn_until, spent, spent_on, probe_until) = (
    select
        moment.allowed,
        greatest(budget.drawn_until, moment.at - make_interval(secs => budget.burst / budget.calls_per_second))
        + make_interval(secs => moment.allowed / budget.calls_per_second),
        case when budget.spent_on = moment.today then budget.spent else 0 end
        + moment.allowed * coalesce(:cost::numeric, budget.unit_cost),
        moment.today,
        case when budget.open_until is not null then moment.at + make_interval(secs => budget.probe_seconds) end
    from ( -- noqa: ST05
        select
            clock.at,
            (clock.at at time zone 'UTC')::date as today,
            vendors.count_allowed(budget.*, clock.at, :calls::integer, coalesce(:cost::numeric, budget.unit_cost)) as allowed
        from (select clock_timestamp() as at) as clock -- noqa: ST05
    ) as moment
)
where
    budget.vendor = :vendor
    and budget.scope = :scope
    and :at_least::integer
    <= vendors.count_allowed(budget.*, clock_timestamp(), :calls::integer, coalesce(:cost::numeric, budget.unit_cost))
returning
    budget.granted as calls,
    coalesce(:cost::numeric, budget.unit_cost) as unit_cost,
    budget.open_until is not null as is_probe;

-- name: explain_refusal(vendor, scope, at_least, cost)^
-- When a budget that refused may allow the calls, and why it refused; reads without a lock.
with clock as materialized (
    select clock_timestamp() as at
),

refusal as (
    select
        budget.*,
        clock.at,
        coalesce(:cost::numeric, budget.unit_cost) * :at_least::integer as needed,
        vendors.find_not_before(budget.*, clock.at, :at_least::integer, coalesce(:cost::numeric, budget.unit_cost)) as allowed_at
    from vendors.budgets as budget
    cross join clock
    where budget.vendor = :vendor and budget.scope = :scope
)

select
    allowed_at as not_before,
    extract(epoch from allowed_at - at)::double precision as wait_seconds,
    case
        when open_until is not null then open_reason
        when at < not_before then 'limited'
        when spent_on = (at at time zone 'UTC')::date and needed > 0 and spent + needed > daily_cap then 'daily cap'
        else 'rate'
    end as reason
from refusal;

-- name: make_scope(vendor, scope)!
-- Give a new scope the limits of the vendor's pattern; does nothing where the scope is known or there is no pattern.
insert into vendors.budgets (
    vendor,
    scope,
    calls_per_second,
    burst,
    unit_cost,
    daily_cap,
    failures_to_open,
    pause_seconds,
    longest_pause_seconds,
    probe_seconds
)
select
    vendor,
    :scope,
    calls_per_second,
    burst,
    unit_cost,
    daily_cap,
    failures_to_open,
    pause_seconds,
    longest_pause_seconds,
    probe_seconds
from vendors.budgets
where vendor = :vendor and scope = '*' and :scope not in ('', '*')
on conflict do nothing;

-- name: settle_calls(vendor, scope, unused, refund, failed, succeeded, refused, pause_seconds, remaining)!
-- Tell a budget what became of granted calls: money settled, breaker moved, the vendor's own limits heeded.
update vendors.budgets as budget
set
    (drawn_until, spent, not_before, failures, openings, open_until, open_reason, probe_until) = (
        select
            greatest(
                budget.drawn_until - make_interval(secs => :unused::integer / budget.calls_per_second),
                moment.at - make_interval(secs => coalesce(:remaining::integer, budget.burst) / budget.calls_per_second)
            ),
            case
                when budget.spent_on = (moment.at at time zone 'UTC')::date then greatest(0, budget.spent - :refund)
                else budget.spent
            end,
            greatest(
                budget.not_before,
                case
                    when :pause_seconds::double precision > 0
                        then moment.at + make_interval(secs => :pause_seconds::double precision)
                end
            ),
            case when moment.closes then 0 when moment.opens then 0 else budget.failures + :failed end,
            case
                when moment.closes then 0
                when moment.opens then least(budget.openings + 1, 20)
                else budget.openings
            end,
            case
                when moment.closes then null
                when moment.opens
                    then moment.at + make_interval(
                        secs => case
                            when :refused then budget.longest_pause_seconds
                            else least(budget.longest_pause_seconds, budget.pause_seconds * 2 ^ least(budget.openings, 20))
                        end
                    )
                else budget.open_until
            end,
            case
                when moment.closes then null
                when moment.opens then case when :refused then 'refused' else 'failing' end
                else budget.open_reason
            end,
            -- A probe that says nothing about the vendor's health (unused, limited) lets the next one through.
            case
                when moment.closes or moment.opens then null
                when moment.at >= budget.open_until then null
                else budget.probe_until
            end
        from ( -- noqa: ST05
            select
                clock.at,
                :succeeded::integer > 0 and (budget.open_until is null or clock.at >= budget.open_until) as closes,
                :succeeded::integer = 0
                and (budget.open_until is null or clock.at >= budget.open_until)
                and (
                    :refused
                    or (
                        :failed::integer > 0
                        and (budget.open_until is not null or budget.failures + :failed >= budget.failures_to_open)
                    )
                ) as opens
            from (select clock_timestamp() as at) as clock -- noqa: ST05
        ) as moment
    )
where budget.vendor = :vendor and budget.scope = :scope;

-- name: book_usage(vendor, calls, failed, limited, cache_hits, cost)!
-- Add to what a vendor was asked today.
insert into vendors.usage (vendor, day, calls, failed, limited, cache_hits, cost)
values (
    :vendor, (clock_timestamp() at time zone 'UTC')::date, :calls::integer, :failed, :limited, :cache_hits, :cost
)
on conflict (vendor, day) do update
    set
        calls = usage.calls + excluded.calls,
        failed = usage.failed + excluded.failed,
        limited = usage.limited + excluded.limited,
        cache_hits = usage.cache_hits + excluded.cache_hits,
        cost = usage.cost + excluded.cost;

-- name: list_budgets()
-- Every budget as it stands now, with what its vendor was asked today and this month and what that cost.
with clock as materialized (
    select clock_timestamp() as at
),

this_month as (
    select
        vendor,
        sum(calls)::bigint as calls,
        sum(cache_hits)::bigint as cache_hits,
        sum(cost) as cost,
        min(day) as first_day
    from vendors.usage
    where day >= date_trunc('month', now() at time zone 'UTC')::date
    group by vendor
)

select
    budget.vendor,
    budget.scope,
    budget.calls_per_second,
    budget.burst,
    budget.unit_cost,
    budget.daily_cap,
    case
        when budget.open_until is null then 'closed'
        when clock.at < budget.open_until then 'open'
        else 'half-open'
    end as breaker,
    budget.open_reason,
    greatest(budget.open_until, nullif(budget.not_before, '-infinity')) as not_before,
    coalesce(today.calls, 0) as calls_today,
    coalesce(today.failed, 0) as failed_today,
    coalesce(today.cache_hits, 0) as cache_hits_today,
    coalesce(today.cost, 0) as cost_today,
    coalesce(this_month.calls, 0) as calls_this_month,
    coalesce(this_month.cache_hits, 0) as cache_hits_this_month,
    coalesce(this_month.cost, 0) as cost_this_month,
    this_month.first_day
from vendors.budgets as budget
cross join clock
left join vendors.usage as today
    on budget.vendor = today.vendor and today.day = (clock.at at time zone 'UTC')::date
left join this_month on budget.vendor = this_month.vendor
where budget.scope <> '*'
order by budget.vendor, budget.scope;

-- name: make_budget(vendor, calls_per_second, burst)!
-- Make a budget for all calls of a vendor, or give it other limits and a full bucket.
insert into vendors.budgets (vendor, calls_per_second, burst)
values (:vendor, :calls_per_second, :burst)
on conflict (vendor, scope) do update
    set
        calls_per_second = excluded.calls_per_second,
        burst = excluded.burst,
        drawn_until = '-infinity';
