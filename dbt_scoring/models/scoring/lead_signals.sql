-- Each branch finds its leads by itself, so that a batch or a lead asked for is all that is read.
select
    leads.lead_id,
    leads.batch_id,
    signals.signal,
    signals.value,
    signals.evidence
from {{ source('leads', 'normalized_leads') }} as leads
inner join {{ source('leads', 'staged_leads') }} as staged on leads.lead_id = staged.lead_id
left join {{ source('leads', 'enriched_leads') }} as enriched on leads.lead_id = enriched.lead_id
left join {{ ref('scoring_sources') }} as sources on staged.source = sources.source
-- A new signal is a line here, and one in the seed scoring_signals. A null value means that the lead does not show it.
cross join
    lateral ( -- noqa: ST05
        values
        ('has_phone', case when leads.phone_valid then 1::numeric end, 'valid number'),
        ('verified_address', case when enriched.address_verified then 1 end, 'found by the geocoder'),
        ('budget', leads.budget, '$' || trim(to_char(leads.budget, 'FM999,999,999,999,999'))),
        (
            'vendor_verified',
            nullif(
                coalesce((lower(staged.extra ->> 'email_verification_status') = 'verified')::integer, 0)
                + coalesce((lower(staged.extra ->> 'phone_verification_status') = 'verified')::integer, 0),
                0
            ),
            'by the portal'
        ),
        (
            'probability_to_transact',
            case
                when staged.extra ->> 'probability_to_transact' ~ '^(0(\.\d{1,9})?|1(\.0{1,9})?)$'
                    then trim_scale(100 * (staged.extra ->> 'probability_to_transact')::numeric)
            end,
            'by the portal'
        ),
        ('timeframe_months', {{ timeframe_months('leads.timeframe') }}, 'as stated'),
        (
            'financing',
            case
                when
                    coalesce(staged.extra ->> 'finance_info', staged.extra ->> 'lead_financing', '')
                    !~* '^\s*(no|none|unknown|n/a)?\s*$'
                    then 1
            end,
            'stated'
        ),
        (
            'repeat_inquiry',
            -- Nothing is limited inside: a limit makes PostgreSQL read the table in order and hope for ten early rows.
            nullif(
                least(
                    10,
                    (
                        select count(*)
                        from {{ source('leads', 'normalized_leads') }} as earlier
                        where lower(earlier.email) = lower(leads.email) and earlier.lead_id < leads.lead_id
                    ) + (
                        select count(*)
                        from {{ source('leads', 'normalized_leads') }} as earlier
                        where
                            earlier.phone_e164 = leads.phone_e164
                            and earlier.lead_id < leads.lead_id
                            and (lower(earlier.email) = lower(leads.email)) is not true
                    )
                ),
                0
            ),
            'same e-mail or phone'
        ),
        (
            'tour_request',
            case
                when lower(staged.extra ->> 'leadType') = 'tourrequest' or staged.extra ->> 'tour_times' <> '' then 1
            end,
            'by the source'
        ),
        ('company', case when enriched.company <> '' then 1 end, 'found by enrichment'),
        ('seniority', {{ seniority_rank('enriched.seniority') }}, lower(enriched.seniority)),
        ('source_quality', sources.quality, staged.source),
        (
            'hour_of_day',
            extract(hour from staged.received_at at time zone '{{ var("time_zone") }}'),
            to_char(staged.received_at at time zone '{{ var("time_zone") }}', 'HH24:MI')
        )
    ) as signals (signal, value, evidence)
where signals.value is not null

union all

select
    lead_id,
    batch_id,
    keyword_group as signal,
    1 as value,
    keywords as evidence
from {{ ref('lead_keywords') }}

union all

-- Of the lead's present batch only: what was judged for an earlier one is judged anew.
select
    leads.lead_id,
    leads.batch_id,
    judged.signal,
    judged.value,
    judged.evidence
from {{ source('leads', 'normalized_leads') }} as leads
inner join {{ ref('inquiry_intent_signals') }} as judged
    on leads.lead_id = judged.lead_id and leads.batch_id = judged.batch_id
