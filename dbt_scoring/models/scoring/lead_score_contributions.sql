select
    signals.lead_id,
    signals.batch_id,
    weights.rule,
    weights.signal,
    weights.points,
    weights.description,
    signals.evidence
from {{ ref('lead_signals') }} as signals
inner join {{ ref('scoring_weights') }} as weights on signals.signal = weights.signal
where
    weights.active
    and case weights.operator
        when 'at_least' then signals.value >= weights.value
        when 'above' then signals.value > weights.value
        when 'at_most' then signals.value <= weights.value
        when 'below' then signals.value < weights.value
        else false
    end
