"""Whose turn it is in a pool: smooth weighted rotation with a state that survives batches, runs and restarts.

Each turn of a period (the sum of weights) is a slot; an agent's n-th turn may come no earlier than its share allows
and no later than its share demands, and the earliest deadline goes first (the pseudo-deadlines of P-fair
scheduling: Baruah et al., 1996). So since a pool began, nobody is ever a whole lead away from their share.

A pool whose members or weights have changed begins anew: nobody who comes back is owed what they were not there
for. Where deadlines are equal, and for the first turn of all, whoever was served least lately goes first, counted
over all pools: no name is favoured, and a pool that changes with every lead still goes round.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class PoolState:
    """How far a pool is in its period."""

    weights: Mapping[str, int] = field(default_factory=dict)  # agent → weight, as it was when the pool began
    served: Mapping[str, int] = field(default_factory=dict)  # agent → turns in this period; absent is 0


@dataclass(frozen=True, kw_only=True)
class Seniority:
    """An agent's place among equals."""

    last_turn: int  # the number of the turn they were last given, over all pools; 0 for never
    rotation_order: int  # when they joined


def take_turn(
    weights: Mapping[str, int], state: PoolState, seniority: Mapping[str, Seniority]
) -> tuple[str, PoolState]:
    """Who is next among `weights` (at least one agent, all weights above 0), and the state behind that turn."""
    served = dict(state.served) if dict(state.weights) == dict(weights) else {}
    period = sum(weights.values())
    slot = sum(served.values())

    def standing(agent: str) -> tuple[int, int, int]:
        # ceil((n + 1) · period / weight) in whole numbers; for the first turn all are equal.
        deadline = -(-(served.get(agent, 0) + 1) * period // weights[agent]) if slot else 0
        return deadline, seniority[agent].last_turn, seniority[agent].rotation_order

    due = [agent for agent, weight in weights.items() if served.get(agent, 0) * period // weight <= slot]
    chosen = min(due, key=standing)
    served[chosen] = served.get(chosen, 0) + 1
    # Behind a whole period everybody has had exactly their weight.
    return chosen, PoolState(weights=dict(weights), served={} if slot + 1 == period else served)
