"""Whether turns that were given out are in proportion to weights: judged by the record, not by the rotation's state.

Only the time since a pool last changed is looked at. A window may begin in the middle of a period, so somebody may be
off by less than two leads (docs/decisions/0040, 0100); two are a fault.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

TOO_FAR = 2


@dataclass(frozen=True, kw_only=True)
class GivenTurns:
    """Turns that one batch gave out in one pool to one agent, while these agents were available."""

    batch: str
    pool: str
    members: frozenset[str]
    agent_id: str
    turns: int


@dataclass(frozen=True, kw_only=True)
class Unfair:
    """An agent who is too far from their share."""

    pool: str
    agent_id: str
    turns: int
    share: float


def find_unfair(given: Sequence[GivenTurns], weights: Mapping[str, int]) -> list[Unfair]:
    """Who is two leads or more away from their share, in which pool. `given` in the order of time."""
    pools: dict[str, list[GivenTurns]] = {}
    for each in given:
        pools.setdefault(each.pool, []).append(each)
    return [found for pool, turns in pools.items() for found in _judge_pool(pool, turns, weights)]


def _judge_pool(pool: str, given: Sequence[GivenTurns], weights: Mapping[str, int]) -> list[Unfair]:
    members = given[-1].members
    if not members <= weights.keys():
        return []  # somebody has left since: the pool has begun anew
    # Within a batch the order is not told: one in which the pool changed is not looked at.
    changed = [at for at, each in enumerate(given) if each.members != members]
    mixed = {given[at].batch for at in changed[-1:]}
    latest = [each for each in given[changed[-1] + 1 if changed else 0 :] if each.batch not in mixed]
    counts: Counter[str] = Counter()
    for each in latest:
        counts[each.agent_id] += each.turns
    period, turns = sum(weights[member] for member in members), counts.total()
    shares = {member: Fraction(turns * weights[member], period) for member in members}
    return [
        Unfair(pool=pool, agent_id=member, turns=counts[member], share=float(share))
        for member, share in sorted(shares.items())
        if abs(counts[member] - share) >= TOO_FAR
    ]
