"""What a run starts from with `--init-from`, and what is called untrained."""

import dataclasses

import jax
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from experiments import recipe
from experiments.engine import runs
from experiments.recipe import first_variables, read_back
from experiments.registry import find_recipe, load_trained
from tests.c3jax.training.toy import assert_same_bits
from tests.experiments import tiny
from tests.experiments.tiny import EXPERIMENTS, write_run

ALIGNER = tiny.config("semantic_alignment")


def started(path, config):
    """The first variables of a configuration that starts from a path."""
    config = dataclasses.replace(config, init_from=path)
    own = tiny.recipe_of(config)
    return first_variables(own, config, own.build(config))


def without(variables, group):
    return {
        name: {other: tree for other, tree in groups.items() if other != group}
        for name, groups in variables.items()
    }


@pytest.fixture(scope="module", params=EXPERIMENTS)
def run(request, exported):
    """A run with its export beneath it."""
    return exported(request.param).parent


@pytest.mark.parametrize("place", [".", "checkpoints/7", "export", "export/model.safetensors"])
def test_a_run_starts_from_a_run_a_step_or_an_export(run, place):
    trained = load_trained(run)
    found = started(run / place, trained.config)
    jax.tree.map(np.testing.assert_array_equal, found, trained.variables)


OTHER = {
    "c3_faces": tiny.config(landmarks=5),
    "semantic_alignment": tiny.config("semantic_alignment", model={"flow_channels": (2, 1)}),
    "jlad": tiny.config("jlad", landmarks=5),
}


def test_other_models_and_damaged_exports_are_refused(run, tmp_path):
    trained = load_trained(run)
    with pytest.raises(UsageError, match="another model: .* there, .* here; give the options of"):
        started(run / "export", OTHER[trained.recipe.name])
    for name in ("model.safetensors", "config.json"):
        (tmp_path / name).write_bytes((run / "export" / name).read_bytes())
    path = tmp_path / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ValueError, match="model.safetensors is damaged: its sha256"):
        started(tmp_path, trained.config)


@pytest.fixture(scope="module")
def write(tmp_path_factory):
    """`write(config)` is the folder of a run of it, written once."""
    folder, written = tmp_path_factory.mktemp("starts"), {}

    def write(config):
        name = repr(config)
        if name not in written:
            written[name] = write_run(folder / str(len(written)), config)
        return written[name]

    return write


def test_a_group_that_there_is_too_much_is_left_out_and_one_too_few_made_afresh(write, capsys):
    more, less, group = tiny.config("jlad"), tiny.config("jlad", uncertainty=False), "uncertainty"
    theirs = load_trained(write(more)).variables
    ours = started(write(more), less)
    assert f"its {group} is left out" in capsys.readouterr().out
    assert_same_bits(ours, jax.tree.map(np.asarray, without(theirs, group)))
    theirs = load_trained(write(less)).variables
    ours = started(write(less), more)
    assert f"has no {group}, it is made afresh" in capsys.readouterr().out
    assert_same_bits(without(ours, group), jax.tree.map(np.asarray, theirs))
    model = tiny.recipe_of(more).build(more)
    fresh = model.random()["params"][group]
    assert_same_bits(ours["params"][group], jax.tree.map(np.asarray, fresh))
    aligner = tiny.recipe_of(ALIGNER).build(ALIGNER)
    assert aligner.may_begin_anew == {"landmarks": None, "perceptual": None}


def test_separate_networks_start_with_a_copy_of_the_trunk(write, capsys):
    theirs = load_trained(write(tiny.config("jlad"))).variables
    ours = started(write(tiny.config("jlad")), tiny.config("jlad", separate=True))
    assert not capsys.readouterr().out
    for name in ("params", "batch_stats"):
        assert_same_bits(ours[name]["detection_trunk"], theirs[name]["trunk"])
        assert_same_bits(ours[name]["trunk"], theirs[name]["trunk"])


@pytest.mark.parametrize(
    ("of", "changes", "said"),
    [
        ({"separate": True}, {}, "was trained with --separate: its detection has a trunk"),
        ({}, {"landmarks": 4}, r"\['detection'\].*: \(4,\) there, \(5,\) here; give"),
        ({}, {"unmatched": True}, "is a run of another model"),
        ({}, {"self_similarity": False}, "is a run of another model"),
    ],
)
def test_joint_runs_of_other_variants_are_refused(write, of, changes, said):
    with pytest.raises(UsageError, match=said):
        started(write(tiny.config("jlad", **of)), tiny.config("jlad", **changes))


def test_a_run_of_another_kind_is_no_start_but_one_of_a_derived_experiment_is(write):
    faces = write(tiny.config())
    with pytest.raises(UsageError, match="is a run of c3_faces, not of semantic_alignment"):
        started(faces, ALIGNER)
    cars = find_recipe("c3_cars")
    found = read_back(cars, runs.find_run(faces))
    assert found.recipe is cars and found.origin()["experiment"] == "c3_cars"


def test_the_perceptual_network_that_exports_leave_out_is_read_again(exported, monkeypatch):
    config = tiny.config(model={"perceptual": "vgg16"}, init_from=exported("c3_faces"))
    own = tiny.recipe_of(config)
    model = own.build(config)
    shapes = jax.eval_shape(model.random)
    fresh = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), shapes)
    asked = []
    monkeypatch.setattr(recipe, "find_files", list)
    monkeypatch.setattr(recipe, "with_pretrained", lambda v, wanted: (asked.extend(wanted), v)[1])
    model = dataclasses.replace(model, random=lambda: fresh)
    found = first_variables(own, config, model)["params"]
    assert [(one.group, one.architecture) for one in asked] == [("perceptual", "vgg16")]
    assert found["perceptual"] is fresh["params"]["perceptual"]
    trained = load_trained(exported("c3_faces").parent)
    jax.tree.map(np.testing.assert_array_equal, found["pose"], trained.variables["params"]["pose"])


def pretrained(config, **changes):
    """The configuration on a pretrained trunk."""
    stages = {name: ("layer1",) for name in vars(config.model) if name.endswith("stages")}
    model = dataclasses.replace(config.model, trunk="resnet18", **stages)
    return dataclasses.replace(config, model=model, **changes)


STILL = dataclasses.replace(ALIGNER.flow, steps=0)
LEFT_ALONE = {
    "c3_faces": pretrained(tiny.config()),
    "semantic_alignment": pretrained(ALIGNER, features=STILL, finetune=STILL),
}
MOVED = {
    "c3_faces": dataclasses.replace(
        LEFT_ALONE["c3_faces"],
        model=dataclasses.replace(LEFT_ALONE["c3_faces"].model, train_trunk=("joint",)),
    ),
    "semantic_alignment": pretrained(ALIGNER, features=STILL, finetune=ALIGNER.flow),
    "jlad": pretrained(tiny.config("jlad")),
}


def trained_of(config):
    own = tiny.recipe_of(config)
    variables = tiny.random_variables(config)
    return recipe.Trained(own, "laptop", config, own.build(config), variables, 7, "")


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_trunk_that_was_left_alone_is_that_of_the_untrained_network(name):
    trained = trained_of(LEFT_ALONE[name])
    untrained = trained.untrained.variables
    assert jax.tree.structure(untrained) == jax.tree.structure(trained.variables)
    random = trained.model.random()
    for kind, groups in untrained.items():
        for group, tree in groups.items():
            expected = trained.variables if group == "trunk" else random
            jax.tree.map(np.testing.assert_array_equal, tree, expected[kind][group])
    if name == "semantic_alignment":
        kernel = untrained["params"]["flow"]["kernel_source_0"]
        assert kernel.sum() == pytest.approx(1)  # the Gaussian


@pytest.mark.parametrize("name", MOVED)
def test_without_the_file_of_a_trunk_that_moved_there_is_no_untrained_network(
    name, monkeypatch, tmp_path, capsys
):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert trained_of(MOVED[name]).untrained is None
    told = capsys.readouterr().err
    assert "no numbers of the untrained network: no ImageNet weights of resnet18" in told


def test_a_small_trunk_is_random_before_training(write):
    trained = load_trained(write(tiny.config("jlad")))
    jax.tree.map(np.testing.assert_array_equal, trained.untrained.variables, trained.model.random())


def test_the_perceptual_network_is_not_asked_for_where_nothing_is_decoded(tmp_path):
    paints = tiny.config(model={"perceptual": "resnet18"})
    still = dataclasses.replace(paints.joint, steps=0)
    follows = dataclasses.replace(paints, pretrain=still, joint=still)
    model = tiny.recipe_of(follows).build(follows)
    assert model.pretrained == () and model.frozen == ()
    assert "perceptual" not in jax.eval_shape(model.random)["params"]
    # Earlier versions kept it; they are read all the same.
    variables = tiny.random_variables(paints)
    assert "perceptual" in variables["params"]
    write_run(tmp_path, follows, {7: variables})
    found = load_trained(tmp_path).variables
    expected = without(variables, "perceptual")
    jax.tree.map(np.testing.assert_array_equal, found, expected)
