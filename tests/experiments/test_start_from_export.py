"""`--init-from` an exported model: its arrays, and fresh ones for what exports leave out."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

from experiments import export
from experiments.c3_faces import networks as nets
from experiments.c3_faces.run import first_variables, load_trained, untrained_variables
from experiments.engine.errors import UsageError
from experiments.engine.trained import find_trained
from experiments.semantic_alignment import trained as aligners
from tests.experiments import tiny_aligners, tiny_runs
from tests.tolerances import FLOAT32

EXPORT = export.Options(Path("RUN"), dtype="float32")


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A model folder of a run of c3_faces, and the variables of the run."""
    folder = tmp_path_factory.mktemp("runs")
    found = find_trained(tiny_runs.write_run(folder / "tiny", tiny_runs.config()), "c3_faces")
    trained = load_trained(found)
    described = export.model_config(found, trained)
    export.write(folder / "model", trained.variables, described, EXPORT)
    return folder / "model", trained.variables


def started(path, config):
    config = dataclasses.replace(config, init_from=path)
    return first_variables(nets.make_networks(config), config)


@pytest.mark.parametrize("name", [".", "model.safetensors"])
def test_a_run_of_landmarks_starts_from_an_export(exported, name):
    path, variables = exported
    found = started(path / name, tiny_runs.config())
    jax.tree.map(np.testing.assert_array_equal, found, variables)


def test_what_is_started_from_is_not_called_untrained(exported):
    config = tiny_runs.config()
    networks = nets.make_networks(config)
    first, plain = exported[1], untrained_variables(networks, exported[1], config)
    assert plain is first
    config = dataclasses.replace(config, init_from=exported[0])
    untrained = untrained_variables(networks, first, config)
    random = jax.jit(nets.random_variables, static_argnums=(0, 1))(networks, config)
    jax.tree.map(lambda *both: np.testing.assert_allclose(*both, **FLOAT32), untrained, random)


def test_the_perceptual_network_that_exports_leave_out_is_read_again(exported, monkeypatch):
    config = tiny_runs.config()
    config = dataclasses.replace(
        config, model=dataclasses.replace(config.model, perceptual="vgg16")
    )
    networks = nets.make_networks(config)
    wanted = jax.eval_shape(lambda: nets.random_variables(networks, config))
    fresh = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), wanted)
    monkeypatch.setattr(nets, "init_variables", lambda *_: fresh)
    found = started(exported[0], config)["params"]
    assert found["perceptual"] is fresh["params"]["perceptual"]
    jax.tree.map(np.testing.assert_array_equal, found["pose"], exported[1]["params"]["pose"])


def test_a_run_of_alignment_starts_from_an_export(tmp_path):
    config = tiny_aligners.config()
    found = find_trained(tiny_aligners.write_run(tmp_path / "tiny", config), "semantic_alignment")
    trained = aligners.load_trained(found)
    described = export.aligner_config(found, trained)
    export.write(tmp_path / "model", trained.variables, described, EXPORT)
    config = dataclasses.replace(config, init_from=tmp_path / "model")
    start = aligners.first_variables(trained.network, config)
    jax.tree.map(np.testing.assert_array_equal, start, trained.variables)


def test_exports_of_other_models_and_damaged_ones_are_refused(exported, tmp_path):
    path, _ = exported
    other = dataclasses.replace(tiny_runs.config(), landmarks=5)
    with pytest.raises(UsageError, match="is a run of another model: .*; give the same --model"):
        started(path, other)
    (tmp_path / "model.safetensors").write_bytes((path / "model.safetensors").read_bytes()[:-1])
    (tmp_path / "config.json").write_bytes((path / "config.json").read_bytes())
    with pytest.raises(ValueError, match="model.safetensors is damaged: its sha256"):
        started(tmp_path, tiny_runs.config())
