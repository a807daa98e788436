"""What `benchmarks.bench` measures: steps of presets on random pictures, and hot functions."""

import dataclasses
import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.c3_faces import config as c3_faces
from experiments.engine.errors import UsageError
from experiments.imm_faces.config import EXPERIMENT as IMM
from experiments.jlad import config as jlad
from experiments.jlad import presets as jlad_presets
from experiments.semantic_alignment import config as semantic_alignment

# Cars and bedrooms have the programs of faces.
PRESETS: dict[str, dict[str, Any]] = {
    "c3_faces": c3_faces.PRESETS,
    "imm_faces": IMM.presets,
    "jlad": jlad_presets.PRESETS,
    "semantic_alignment": semantic_alignment.PRESETS,
}
NUM_PICTURES = 64
FUNCTIONS = ("bottleneck", "block_4d", "tps_warp", "local_correlation")
FUNCTION_BATCH = 16


@dataclass(frozen=True)
class Program:
    """A compiled function and its arguments; a step takes a batch second and returns a state first.

    batches: what a step gets, anew at every call; None for a function.
    """

    name: str
    batch_size: int
    function: Any
    arguments: tuple
    batches: Iterator[dict[str, np.ndarray]] | None = None


def names() -> list[str]:
    """All programs: a step for each stage that has a loss of its own, then the functions."""
    steps = [
        f"{experiment}/{preset}/{stage}"
        for experiment, presets in PRESETS.items()
        for preset, config in presets.items()
        for stage in _stages(config)
    ]
    return steps + [f"function/{name}" for name in FUNCTIONS]


def make_program(name: str, batch_size: int | None, precision: str = "float32") -> Program:
    """The program of a name, on this many examples (None: the preset's own number).

    `precision` is that of the activations in steps.
    """
    if name.startswith("function/"):
        return _function(name, batch_size or FUNCTION_BATCH)
    return _step(name, batch_size, precision)


def _stages(config: Any) -> list[str]:
    """Names of the stages with steps; of JLAD's rounds the first stands for all."""
    if isinstance(config, jlad.Config):
        return ["pretrain", *(["alignment-1", "detection-1"] if config.rounds.count else [])]
    stages = ("warmup", "pretrain", "joint")
    if isinstance(config, semantic_alignment.Config):
        stages = semantic_alignment.STAGES
    found = ((name, getattr(config, name)) for name in stages)
    return [name for name, stage in found if stage.steps or (stage.steps is None and stage.epochs)]


def _step(name: str, batch_size: int | None, precision: str) -> Program:
    import jax

    from c3jax.training.step import make_train_step, replicate

    state, stage = begin_stage(name, batch_size, precision)
    devices, stream = jax.devices()[:1], on_one_device(stage)
    first = next(stream)
    step = make_train_step(stage.loss_fn, stage.optimizer, devices=devices)
    arguments = (replicate(state, devices), first, jax.random.key(0))
    return Program(name, len(first["example_index"][0]), step, arguments, stream)


def begin_stage(name: str, batch_size: int | None, precision: str = "float32") -> tuple[Any, Any]:
    """The state before the first step of that name, and the stage."""
    experiment, preset, stage_name = name.split("/")
    config = dataclasses.replace(PRESETS[experiment][preset], precision=precision)
    if batch_size is not None:
        config = _with_batch_size(config, batch_size)
    state, stages = MAKERS[experiment](config)
    stage = next(stage for stage in stages if stage.name == stage_name)
    return state.replace(opt_state=stage.optimizer.init(state.params)), stage


def on_one_device(stage: Any) -> Iterator[dict[str, np.ndarray]]:
    """The batches of a stage as its step takes them."""
    from c3jax.training.step import shard_batch

    for batch in stage.batches(0):
        index = np.arange(len(batch["source"]), dtype=np.int32)
        yield shard_batch({**batch, "example_index": index}, 1)


def _with_batch_size(config: Any, batch_size: int) -> Any:
    """The configuration with this batch size in every stage."""
    changed = {
        field.name: dataclasses.replace(value, batch_size=batch_size)
        for field in dataclasses.fields(config)
        if hasattr(value := getattr(config, field.name), "batch_size")
    }
    return dataclasses.replace(config, **changed)


def _pictures(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (NUM_PICTURES, size, size, 3), np.uint8)


def _c3_faces(config: c3_faces.Config) -> tuple[Any, list]:
    import jax
    import jax.numpy as jnp

    from c3jax.training.state import init_state
    from data_pipelines.streams import memory_stream
    from experiments.c3_faces import networks as nets
    from experiments.c3_faces.run import make_stages
    from experiments.c3_faces.steps import as_float
    from experiments.common.data import Data
    from experiments.terms.cross_image import init_loss_stats

    pictures, networks = _pictures(config.data.image_size), nets.make_networks(config)
    batches = functools.partial(memory_stream, pictures)
    stages = make_stages(config, Data("random", "", NUM_PICTURES, batches, pictures[:1]))
    variables = jax.jit(nets.random_variables, static_argnums=(0, 1))(networks, config)
    state = init_state(
        variables,
        optimizer=stages[0].optimizer,
        loss_stats=init_loss_stats(networks, variables, as_float(jnp.asarray(pictures[:1]))),
        frozen=nets.frozen_groups(config),
    )
    return state, stages


def _alignment_data(config: Any):
    from experiments.common.alignment_data import AlignmentData

    size = config.data.image_size
    first = np.arange(NUM_PICTURES)
    pairs = np.stack([first, np.roll(first, -2)], -1)
    masks = np.ones((NUM_PICTURES, size, size), bool)
    return AlignmentData("random", "", _pictures(size), pairs, first % 2, {}, masks)


def _semantic_alignment(config: semantic_alignment.Config) -> tuple[Any, list]:
    import jax

    from experiments.semantic_alignment import networks as nets
    from experiments.semantic_alignment.run import make_stages

    stages, network = make_stages(config, _alignment_data(config)), nets.make_network(config)
    variables = jax.jit(nets.random_variables, static_argnums=(0, 1))(network, config)
    return nets.first_state(config, variables, stages[0].optimizer), stages


def _jlad(config: jlad.Config) -> tuple[Any, list]:
    import jax

    from experiments.jlad import networks as nets
    from experiments.jlad.run import make_stages

    stages = make_stages(config, _alignment_data(config), lambda *_: None)
    network = nets.make_network(config)
    variables = jax.jit(nets.random_variables, static_argnums=(0, 1))(network, config)
    if config.separate:
        variables = nets.with_detection_trunk(variables)
    return nets.first_state(variables, stages[0].optimizer), stages


MAKERS: dict[str, Callable[[Any], tuple[Any, list]]] = {
    **dict.fromkeys(("c3_faces", "imm_faces"), _c3_faces),
    "jlad": _jlad,
    "semantic_alignment": _semantic_alignment,
}


def _function(name: str, batch_size: int) -> Program:
    """A function and its gradient, at the sizes of C3's and JLAD's recipes."""
    import jax
    import jax.numpy as jnp

    import c3jax
    from c3jax import warps
    from c3jax.models.flow import FlowModule

    key, b = jax.random.key(0), batch_size
    paper = c3_faces.PRESETS["paper"]
    shapes = {
        "bottleneck": [(b, 16, 16, paper.landmarks)],
        "block_4d": [(b, 16, 16, 1024)] * 2,
        "tps_warp": [(b, 128, 128, 3)],
        "local_correlation": [(b, 32, 32, 256)] * 2,
    }
    own = name.removeprefix("function/")
    if own not in shapes:
        raise UsageError(f"there is no function '{own}' to measure: {', '.join(shapes)}")
    arrays = [jax.random.uniform(key, shape) for shape in shapes[own]]
    flow = FlowModule(channels=paper.model.flow_channels)
    variables: Any = jax.jit(flow.init)(key, *arrays) if own == "block_4d" else None

    def warp(images):
        keys = jax.random.split(key, b)
        spline = warps.random_warp
        options = {
            "rotation_stddev": paper.warp.source_rotation,
            "scale_stddev": paper.warp.source_scale,
            "translation_stddev": paper.warp.source_translation,
            "warp_stddevs": paper.warp.source_warp,
        }
        tps = jax.vmap(functools.partial(spline, **options))(keys)
        return warps.warp_image(images, tps, padding="reflect")

    functions: dict[str, Callable] = {
        "bottleneck": lambda x: c3jax.gaussian_maps(
            c3jax.soft_argmax(x), (16, 16), stddev=paper.model.stddev
        ),
        "block_4d": lambda *pair: flow.apply(variables, *pair),
        "tps_warp": warp,
        "local_correlation": functools.partial(c3jax.local_correlation, radius=5),
    }
    value = functions[own]
    whole = jax.value_and_grad(lambda *x: jnp.square(value(*x)).sum(), tuple(range(len(arrays))))
    return Program(name, b, jax.jit(whole), tuple(arrays))
