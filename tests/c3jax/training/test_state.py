"""What a run carries: which parameters are trained, and how the variables are put together."""

import jax
import jax.numpy as jnp
import optax
import pytest

from c3jax.training.state import init_state

VARIABLES = {
    "params": {"trunk": {"kernel": jnp.ones(2)}, "head": {"kernel": jnp.ones(3)}},
    "batch_stats": {"trunk": {"mean": jnp.zeros(2)}},
}


def make_state(**options):
    return init_state(VARIABLES, optimizer=optax.adam(0.1), loss_stats={}, **options)


def test_a_state_starts_at_step_zero_with_everything_trained():
    state = make_state()
    assert (int(state.step), int(state.skipped), int(state.skipped_in_a_row)) == (0, 0, 0)
    assert set(state.params) == {"trunk", "head"} and not state.frozen
    assert state.variables() == VARIABLES


def test_frozen_groups_are_apart_from_the_trained_ones():
    state = make_state(frozen=("trunk",))
    assert set(state.params) == {"head"} and set(state.frozen) == {"trunk"}
    moments = state.opt_state[0].mu
    assert set(moments) == {"head"}
    assert state.variables() == VARIABLES


def test_given_parameters_take_the_place_of_the_states_own():
    state = make_state(frozen=("trunk",))
    replaced = state.variables({"head": {"kernel": 2 * jnp.ones(3)}})
    assert float(replaced["params"]["head"]["kernel"][0]) == 2
    assert float(replaced["params"]["trunk"]["kernel"][0]) == 1


def test_variables_without_batch_statistics_have_none():
    params = {"params": VARIABLES["params"]}
    state = init_state(params, optimizer=optax.sgd(0.1), loss_stats={})
    assert state.batch_stats == {}


def test_every_leaf_is_an_array_with_a_buffer_of_its_own():
    # The step donates them all, and a buffer can be donated once.
    counters = jax.tree.leaves(make_state().replace(params={}, batch_stats={}, opt_state=()))
    assert all(isinstance(leaf, jax.Array) for leaf in counters)
    assert len({leaf.unsafe_buffer_pointer() for leaf in counters}) == len(counters) == 3


def test_an_unknown_frozen_group_is_refused():
    with pytest.raises(ValueError, match=r"frozen names \['nose'\], not among \['head', 'trunk'\]"):
        make_state(frozen=("nose",))
