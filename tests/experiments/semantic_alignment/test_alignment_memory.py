"""The memory of the paper's alignment step: chunks bound it."""

import dataclasses

import jax
import jax.numpy as jnp
import pytest

from experiments.engine.stages import make_optimizer
from experiments.semantic_alignment.config import PAPER
from experiments.semantic_alignment.model import build, make_networks
from experiments.semantic_alignment.steps import alignment_loss
from tests.experiments.tiny import first_state

GIB = 2**30


def temporary_bytes(chunk: int | None) -> int:
    """Of the gradient of one step at 400x400 with a batch of 16, by the compiled program."""
    config = dataclasses.replace(PAPER, model=dataclasses.replace(PAPER.model, chunk=chunk))
    networks, stage = make_networks(config, stage="flow"), config.flow

    def first():
        return first_state(config, build(config).random(), make_optimizer(stage))

    def loss(params, state, batch, keys):
        each, _ = alignment_loss(
            params,
            state,
            batch,
            keys,
            networks=networks,
            weights=config.flow_loss,
            warp=config.warp,
        )
        return each.mean()

    count, size = stage.batch_size, config.data.image_size
    picture = jax.ShapeDtypeStruct((count, size, size, 3), jnp.uint8)
    category = jax.ShapeDtypeStruct((count,), jnp.int32)
    batch = {"source": picture, "target": picture, "category": category}
    keys = jax.eval_shape(lambda: jax.random.split(jax.random.key(0), count))
    state = jax.eval_shape(first)
    lowered = jax.jit(jax.grad(loss)).lower(state.params, state, batch, keys)
    return lowered.compile().memory_analysis().temp_size_in_bytes


@pytest.mark.slow
def test_chunks_halve_the_memory_of_the_papers_step():
    whole, chunked = temporary_bytes(None), temporary_bytes(2)
    print(f"temporary memory: {whole / GIB:.1f} GiB, in chunks of 2 {chunked / GIB:.1f} GiB")
    assert chunked <= 12 * GIB
    assert chunked <= whole / 2
