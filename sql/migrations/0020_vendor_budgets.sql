-- What each outside vendor may be asked, decided in one conditional update of one row, on the database's clock.

create schema vendors;

comment on schema vendors is 'What the vendors may be asked, what that cost, and what they answered.';

create table vendors.budgets (
    vendor text not null,
    scope text not null default '',
    calls_per_second double precision not null check (calls_per_second > 0),
    burst double precision not null check (burst >= 1),
    unit_cost numeric not null default 0 check (unit_cost >= 0),
    daily_cap numeric check (daily_cap >= 0),
    failures_to_open integer not null default 5 check (failures_to_open >= 1),
    pause_seconds double precision not null default 5 check (pause_seconds > 0),
    longest_pause_seconds double precision not null default 120 check (longest_pause_seconds > 0),
    probe_seconds double precision not null default 30 check (probe_seconds > 0),
    drawn_until timestamptz not null default '-infinity',
    granted integer not null default 0,
    spent numeric not null default 0,
    spent_on date not null default '-infinity',
    not_before timestamptz not null default '-infinity',
    failures integer not null default 0,
    openings integer not null default 0,
    open_until timestamptz,
    open_reason text,
    probe_until timestamptz,
    primary key (vendor, scope)
) with (fillfactor = 50);

comment on table vendors.budgets is
'One row per vendor and scope: its token bucket, its daily money, its breaker. Changed only by single conditional updates on the database''s clock.';
comment on column vendors.budgets.scope is
'What the limit counts by: empty for all calls; a channel, a sender, an endpoint. The scope * is the pattern that a new scope is made from.';
comment on column vendors.budgets.calls_per_second is 'Refill of the bucket; about 80 % of what the vendor documents.';
comment on column vendors.budgets.burst is 'Calls that may come at once after a rest. In t seconds at most calls_per_second * t + burst are granted.';
comment on column vendors.budgets.unit_cost is 'US dollars for a billed call; reserved when a call is granted, settled when it is reported.';
comment on column vendors.budgets.daily_cap is 'US dollars a day (UTC) that are never exceeded; null: no cap.';
comment on column vendors.budgets.failures_to_open is 'Failures in a row that open the breaker.';
comment on column vendors.budgets.pause_seconds is 'How long the breaker stays open at first; doubled each time the probe fails too.';
comment on column vendors.budgets.probe_seconds is 'How long a probe may take before another one is let through.';
comment on column vendors.budgets.drawn_until is
'Up to which moment the refill is spent: the bucket holds (now - drawn_until) * calls_per_second calls, at most burst.';
comment on column vendors.budgets.granted is 'Calls granted by the last update of the row: how an update tells its caller what it decided.';
comment on column vendors.budgets.spent is 'US dollars on the day spent_on, with what is reserved for calls not reported yet.';
comment on column vendors.budgets.not_before is 'No call before this moment: the vendor''s Retry-After, or the reset of a used-up limit.';
comment on column vendors.budgets.open_until is
'Null: the breaker is closed. In the future: open. In the past: half-open, one probe at a time.';
comment on column vendors.budgets.open_reason is 'failing: failures in a row; refused: the vendor wants no more until a person acts (key, billing, quota).';
comment on column vendors.budgets.probe_until is 'Until when the probe that is under way may still answer.';

-- How many of `wanted` calls a budget allows at the moment `at`; immutable, so that one moment decides everything.
create function vendors.count_allowed(budget vendors.budgets, at timestamptz, wanted integer, cost numeric) returns integer
language sql immutable
as $$
    select case
        when at < budget.not_before or at < budget.open_until then 0
        when budget.open_until is not null and at < budget.probe_until then 0
        else greatest(0, least(
            wanted,
            case when budget.open_until is not null then 1 else wanted end,
            case
                when budget.drawn_until = '-infinity' then floor(budget.burst)
                else floor(
                    least(
                        budget.burst,
                        greatest(0, extract(epoch from at - budget.drawn_until)::double precision)
                        * budget.calls_per_second
                    )
                    + 1e-6
                )
            end,
            case
                when budget.daily_cap is null or cost <= 0 then wanted
                else floor(
                    (
                        budget.daily_cap
                        - case when budget.spent_on = (at at time zone 'UTC')::date then budget.spent else 0 end
                    )
                    / cost
                )
            end
        ))::integer
    end
$$;

comment on function vendors.count_allowed is 'How many of the wanted calls the budget allows at a moment, for this cost each.';

-- When a budget that refuses now may allow `wanted` calls again.
create function vendors.find_not_before(budget vendors.budgets, at timestamptz, wanted integer, cost numeric)
returns timestamptz
language sql immutable
as $$
    select greatest(
        at,
        budget.not_before,
        budget.open_until,
        case when budget.open_until is not null then budget.probe_until end,
        budget.drawn_until + make_interval(secs => least(wanted, floor(budget.burst)) / budget.calls_per_second),
        case
            when
                budget.daily_cap is not null
                and cost > 0
                and budget.spent_on = (at at time zone 'UTC')::date
                and budget.spent + cost * wanted > budget.daily_cap
                then ((at at time zone 'UTC')::date + 1)::timestamp at time zone 'UTC'
        end
    )
$$;

comment on function vendors.find_not_before is 'The first moment at which the budget may allow the wanted calls.';

create table vendors.usage (
    vendor text not null,
    day date not null,
    calls bigint not null default 0,
    failed bigint not null default 0,
    limited bigint not null default 0,
    cache_hits bigint not null default 0,
    cost numeric not null default 0,
    primary key (vendor, day)
) with (fillfactor = 50);

comment on table vendors.usage is 'One row per vendor and day (UTC): what it was asked, what the caches saved, what it cost.';
comment on column vendors.usage.calls is 'Calls that were made, whatever came of them.';
comment on column vendors.usage.failed is 'Calls without a usable answer: errors, time-outs, refusals.';
comment on column vendors.usage.limited is 'Calls that the vendor answered with "too many".';
comment on column vendors.usage.cost is 'US dollars, by the unit costs in vendors.budgets.';

-- The limits, at about 80 % of what is documented: calls_per_second * window + burst stays below the vendor's figure.
-- Grades as in docs/vendors.md: A the vendor's documentation, B production code, C secondary, K unconfirmed.
insert into vendors.budgets (vendor, scope, calls_per_second, burst, unit_cost, daily_cap) values
-- Geocoding, old API: 3,000 a minute (A). 5 dollars a thousand (A), free monthly calls not counted.
('google', '', 40, 40, 0.005, 25),
-- 600 a minute and API (C). What old contracts pay for a lookup is not public: 0.10 is a guess (K).
('clearbit', '', 8, 8, 0.10, 50),
-- 100 a minute free, 1,000 paid (A); the paid plan starts at 98 dollars for 350 matches (A).
('pdl', '', 1.3, 2, 0.28, 50),
-- A message a second and channel (A); over a workspace several hundred a minute (K).
('slack', '', 4, 8, 0, null),
('slack', '*', 0.8, 1, 0, null),
-- Sliding 10 s: 250 in all, 20 for GET (A), with a system key.
('followupboss', '', 18, 18, 0, null),
('followupboss', 'get', 1.4, 2, 0, null),
-- 190 in 10 s for private apps on Professional and Enterprise (A).
('hubspot', '', 14, 14, 0, null),
-- A segment a second and long code (A); about 0.0079 dollars a segment (K), carrier fees not counted.
('twilio', '', 60, 60, 0.0079, 25),
('twilio', '*', 0.8, 1, 0, null),
-- Google Workspace sends 2,000 mails a day (K): the rate spreads them over working hours.
('smtp', '', 0.5, 10, 0, null),
-- 50 requests a minute on the first tier (K); a short mail costs about a cent (K).
('anthropic', '', 0.65, 2, 0.01, 5),
-- 500 requests a minute on the first tier (K).
('openai', '', 6, 6, 0.01, 5);
