"""`python -m experiments.evaluate` of alignment runs: the `alignment` object on labelled pairs."""

import dataclasses
import json

import jax
import numpy as np
import pytest

from experiments import evaluate
from experiments.common.alignment_data import AlignmentDataConfig
from experiments.engine.errors import UsageError
from experiments.measure.alignment_evaluation import data_config
from experiments.semantic_alignment import trained as trained_runs
from tests.data_pipelines import pair_files
from tests.data_pipelines.published_files import write
from tests.experiments import tiny_runs
from tests.experiments.tiny_aligners import config, first_variables, write_run
from tests.experiments.tiny_runs import call, random_tree

METHODS = ("identity", "nearest_neighbour", "mutual_matching", "gaussian", "start", "untrained")
ALPHAS = ["0.05", "0.10", "0.15"]
POINTS = ("a.png,b.png,1;2;3;4,5;6;7;8", "b.png,a.png,5;6;7;8,1;2;3;4")


@pytest.fixture(scope="module")
def willow(tmp_path_factory):
    """Two of the sub-classes."""
    folder = tmp_path_factory.mktemp("willow")
    pair_files.write_willow(folder, classes=("car(G)", "duck(S)"), num=3)
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run with its first variables (step 0) and random ones (step 7)."""
    first = first_variables(config())
    folder = tmp_path_factory.mktemp("runs") / "tiny"
    return write_run(folder, config(), {0: first, 7: random_tree(first)})


@pytest.fixture
def print_of(capsys):
    """What a command prints, as JSON."""

    def printed(*arguments):
        status = call(evaluate.main, *arguments)
        captured = capsys.readouterr()
        assert status == 0, captured.err
        return json.loads(captured.out)

    return printed


def test_the_sub_classes_that_are_there_are_evaluated(run, willow, print_of):
    found = print_of("--checkpoint", run, "--data.name", "pf_willow", "--data.path", willow)
    assert (found["pairs"], found["pictures"]) == (12, 6)
    assert list(found["pck"]) == ALPHAS and "source key points" in found["protocol"]
    for name in METHODS:
        assert list(found[f"{name}_pck"]) == ALPHAS
    table = found["methods"]["trained"]["definitions"]["bbox-kp"]["target_to_source"]
    assert table["per_pair"] == found["pck"]
    assert {c: v["pairs"] for c, v in table["categories"].items()} == {"car(G)": 6, "duck(S)": 6}
    assert found["pck"] != found["start_pck"] or found["pck"] != found["untrained_pck"]


def test_spair_is_evaluated_by_its_own_definition(run, tmp_path, monkeypatch, print_of):
    write("spair", tmp_path / "spair", monkeypatch)
    found = print_of("--checkpoint", run, "--data.name", "spair", "--data.path", tmp_path / "spair")
    assert found["pairs"] == 2 and found["protocol"].startswith("bbox: source key points carried")


def test_step_0_is_the_untrained_network_and_its_gaussian(run, willow, print_of):
    where = ("--data.name", "pf_willow", "--data.path", willow)
    methods = print_of("--checkpoint", run / "checkpoints/0", *where)["methods"]
    assert methods["trained"] == methods["untrained"] == methods["start"]


def test_a_table_of_own_pairs_is_evaluated(run, tmp_path, print_of):
    header = "source,target,source_points,target_points"
    table = pair_files.write_table(tmp_path, *POINTS, header=header)
    found = print_of("--checkpoint", run, "--data.name", "pairs_csv", "--data.path", table)
    assert found["pairs"] == 2 and "longer side of the target picture" in found["protocol"]
    # Nothing moves by more than 4 px, 15 % of the longest side of 36 is 5.4.
    assert found["identity_pck"]["0.15"] == pytest.approx(50 + 50 * (np.hypot(4, 4) <= 4.5))


def test_named_pairs_start_from_defaults_and_own_ones_from_the_run(tmp_path):
    own = AlignmentDataConfig("pairs_csv", path=tmp_path, test_path=tmp_path / "t", image_size=48)
    assert data_config({}, own) == own
    moved = data_config({"path": tmp_path / "m"}, own)
    assert moved == dataclasses.replace(own, path=tmp_path / "m", test_path=None)
    found = data_config({"name": "pf_willow", "path": tmp_path}, own)
    assert found == AlignmentDataConfig("pf_willow", path=tmp_path, image_size=48)
    paper = dataclasses.replace(own, resize="align_corners")
    assert data_config({"name": "pf_willow", "path": tmp_path}, paper).resize == "align_corners"
    with pytest.raises(UsageError, match="crop, fit_rows: pairs have no landmarks"):
        data_config({"crop": "pad", "fit_rows": "1-2"}, own)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["RUN", "--data.name", "labelled"], "labelled is for runs of c3_faces or c3_cars or"),
        (["RUN", "--data.name", "pf_willow"], "pf_willow needs --data.path"),
        (["RUN", "--data.name", "pf_willow", "--data.path", "void"], "void: no such folder"),
        (["RUN", "--data.name", "pf_willow", "--data.path", "RUN"], "no sub-class in it"),
        (["RUN", "--fit-rows", "1-3"], "fit_rows: pairs have no landmarks"),
        (["RUN", "--data.name", "pairs_csv", "--data.path", "BARE"], "have no key points"),
        (["FACES", "--data.name", "pf_willow"], "pf_willow is for runs of semantic_alignment"),
        (["FACES", "--data.pairs-path", "x"], "pairs-path is for pf_pascal"),
        (["RUN/checkpoints/8"], "8 is no folder"),
    ],
)
def test_wrong_use_is_one_error(run, tmp_path, arguments, named, capsys):
    bare = pair_files.write_table(tmp_path, "a.png,b.png", header="source,target")
    faces = tmp_path / "faces"
    if "FACES" in arguments:
        tiny_runs.runs.open_run(faces, "c3_faces", "laptop", tiny_runs.config())
    places = {"RUN": str(run), "FACES": str(faces), "BARE": str(bare)}
    for name, place in places.items():
        arguments = [argument.replace(name, place) for argument in arguments]
    assert call(evaluate.main, "--checkpoint", *arguments) == 2
    captured = capsys.readouterr()
    assert named in captured.err and captured.err.count("error: ") == 1
    assert "Traceback" not in captured.err and captured.out == ""


def pretrained(**stages):
    model = dataclasses.replace(config().model, trunk="resnet18")
    still = {name: dataclasses.replace(config().flow, steps=0) for name in ("features", "finetune")}
    return dataclasses.replace(config(), model=model, **(still | stages))


def test_a_trunk_that_was_left_alone_is_taken_from_the_checkpoint(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    network = trained_runs.nets.make_network(pretrained())
    shapes = jax.eval_shape(lambda: trained_runs.nets.random_variables(network, pretrained()))
    trained = trained_runs.Trained(pretrained(), network, random_tree(shapes), 7)
    untrained = trained_runs.untrained_variables(trained)
    jax.tree.map(
        np.testing.assert_array_equal,
        untrained["params"]["trunk"],
        trained.variables["params"]["trunk"],
    )
    flow = untrained["params"]["flow"]["kernel_source_0"]
    assert flow.sum() == pytest.approx(1)  # the Gaussian
    moved = pretrained(finetune=dataclasses.replace(config().flow, steps=3))
    trained = dataclasses.replace(trained, config=moved)
    untrained = trained_runs.untrained_variables(trained)
    assert "trunk" not in untrained["params"]
    np.testing.assert_array_equal(untrained["params"]["flow"]["kernel_source_0"], flow)
    assert "no numbers of the untrained network: no ImageNet weights" in capsys.readouterr().err
