"""How often the files of each role are taken, so that code, mathematics and text keep their shares.

Code is taken once: none is thrown away, none repeated to make room for prose. The other roles are
thinned out or repeated until they fit, but repeated at most `maxEpochs` times (StarCoder2 stayed
below about five, arXiv:2402.19173): past that a role stays below its share, and a note says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from oremill.specs.corpus import Mixture

ROLES = ("code", "math", "text")


@dataclass(frozen=True)
class Share:
    """What a role gives to the corpus."""

    wanted: float  # share of the corpus by the weights
    reached: float  # share of the corpus
    rate: float  # times that a file is taken, on average
    note: str = ""  # why the two differ


def shares(sizes: Mapping[str, int], rules: Mixture) -> dict[str, Share]:
    """Return the share and the rate of each role that has anything.

    Args:
        sizes: of each role, in bytes or in tokens; shares are of the same unit.
        rules: weights and the limit of epochs.
    """
    if not rules.enabled:
        whole = sum(sizes.values()) or 1
        return {role: Share(part / whole, part / whole, 1.0) for role, part in sizes.items()}
    there = [role for role in ROLES if sizes.get(role, 0) > 0]
    weights = {role: getattr(rules.weights, role) for role in there}
    total = _total(sizes, weights)
    rates = {role: min(rules.max_epochs, weights[role] * total / sizes[role]) for role in there}
    made = {role: rates[role] * sizes[role] for role in there}
    return {
        role: _share(role, weights[role] / (sum(weights.values()) or 1), rates[role], made, rules)
        for role in there
    }


def times(seed: int, name: str, rate: float) -> int:
    """Return how often a file is taken: the rate, rounded up or down by a draw from its name.

    Args:
        seed: of the corpus.
        name: the file's id; a repository's name keeps its files together.
        rate: of the file's role.
    """
    drawn = int.from_bytes(sha256(f"{seed}\0{name}".encode()).digest()[:8], "big") / 2**64
    return int(rate) + (drawn < rate % 1)


def _total(sizes: Mapping[str, int], weights: Mapping[str, int]) -> float:
    """Return what one unit of weight is worth: code decides, without it the role that has most."""
    worth = {role: sizes[role] / weight for role, weight in weights.items() if weight}
    return worth.get("code", max(worth.values(), default=0.0))


def _share(
    role: str, wanted: float, rate: float, made: Mapping[str, float], rules: Mixture
) -> Share:
    reached = made[role] / (sum(made.values()) or 1)
    note = ""
    if rate == rules.max_epochs and reached < wanted * 0.999:
        note = (
            f"{role} makes {reached:.1%} of the corpus, not {wanted:.1%}: "
            f"it would have to be repeated more than {rules.max_epochs:g} times (maxEpochs)"
        )
    return Share(wanted, reached, rate, note)
