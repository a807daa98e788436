"""Whether the flow module still says something, looked at while it trains."""

from collections.abc import Callable

import jax

from c3jax import dead_fraction
from c3jax.training.state import TrainState
from experiments.common.alignment_data import AlignmentData
from experiments.semantic_alignment.steps import Network
from experiments.terms.synthetic_pairs import as_float

NUM_PAIRS = 4
LARGEST_DEAD = 0.5


def make_check(network: Network, data: AlignmentData) -> Callable[[TrainState], list[str]]:
    """`check(state)` warns where most target cells of some training pairs have no best match."""
    source, target = (data.images[rows] for rows in data.pairs[:NUM_PAIRS].T)

    @jax.jit
    def dead_of(variables, source, target):
        images = (as_float(source), as_float(target))
        return dead_fraction(network.model.apply(variables, *images)).mean()

    def check(state: TrainState) -> list[str]:
        dead = float(dead_of(state.variables(), source, target))
        if dead <= LARGEST_DEAD:
            return []
        return [
            f"the flow module is dead in {dead:.0%} of the cells (all their scores are equal): "
            "give --model.negative-slope 0.1, or a smaller --flow.learning-rate"
        ]

    return check
