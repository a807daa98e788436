"""Joint training on tiny networks: all stages, whose turn it is, resuming, variants, wrong use."""

import dataclasses
import functools
import itertools
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from c3jax.training.step import make_train_step
from data_pipelines.load import AlignmentData
from experiments.engine import loop
from experiments.engine.errors import UsageError
from experiments.engine.stages import StageConfig
from experiments.jlad import __main__ as command
from experiments.jlad.config import Config, LossConfig, RoundsConfig
from experiments.jlad.recipe import RECIPE
from tests.c3jax.training.toy import assert_same_bits
from tests.experiments import tiny
from tests.experiments.tiny import call

SIZE, STEPS = 16, 2
TINY = (
    "--preset laptop --model.stages layer1 --model.radius 1 --model.alignment-channels 4 4 "
    "--model.alignment-kernel 3 --model.uncertainty-channels 4 --model.detection-channels 4 "
    f"--landmarks 2 --margin 0.1 --pretrain.steps {STEPS} --pretrain.batch-size 4 --rounds.count 1 "
    f"--rounds.alignment-steps {STEPS} --rounds.detection-steps {STEPS} --rounds.batch-size 4 "
    "--data.image-size 32 --data.train-examples 16 --data.test-pairs 8 --log-every 1"
).split()


def config(**changes) -> Config:
    """A laptop configuration, made small: 4x4 cells, two rounds of two steps a turn."""
    small = {
        "data": {"image_size": SIZE},
        "landmarks": 2,
        "pretrain": StageConfig(steps=STEPS, batch_size=2, learning_rate=1e-2),
        "rounds": RoundsConfig(2, STEPS, STEPS, batch_size=2, learning_rate=1e-2),
    }
    return tiny.config("jlad", **(small | changes))


def pictures() -> AlignmentData:
    """Pairs of noise, without tests."""
    random = np.random.default_rng(0)
    return AlignmentData(
        name="noise",
        description="noise",
        images=random.integers(0, 256, (6, SIZE, SIZE, 3), np.uint8),
        pairs=np.array([[0, 1], [2, 3], [4, 5], [1, 2]]),
        categories=np.zeros(4, int),
        tests={},
        masks=random.random((6, SIZE, SIZE)) < 0.5,
    )


@pytest.fixture(scope="module", autouse=True)
def compile_once():
    """One compilation of each step for all tests, without optimisation."""
    make = functools.cache(lambda *args, devices: make_train_step(*args, devices=list(devices)))
    before = jax.config.values["jax_disable_most_optimizations"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "make_train_step", lambda *a, devices: make(*a, devices=tuple(devices)))
        jax.config.update("jax_disable_most_optimizations", True)
        yield
        jax.config.update("jax_disable_most_optimizations", before)


@functools.cache
def stages_of(config):
    return make_stages(config, pictures())


def make_stages(config, data):
    return RECIPE.stages(config, data, RECIPE.build(config))


def first_state(config, optimizer):
    return tiny.first_state(config, RECIPE.build(config).first(), optimizer)


def test_the_pre_training_warps_other_pictures_where_there_are_some():
    others = dataclasses.replace(pictures(), images=np.zeros((6, SIZE, SIZE, 3), np.uint8))
    data = dataclasses.replace(pictures(), others=others)
    first, second, *_ = make_stages(config(), data)
    assert (first.name, next(first.batches(0))["source"].max()) == ("pretrain", 0)
    assert (second.name, next(second.batches(0))["source"].max() > 0) == ("alignment-1", True)


class Killed(BaseException):
    """Ends the loop as a kill would."""


def killed_after(stages, steps: int):
    """The stages, whose batches end the loop after so many steps."""
    left = itertools.count(steps, -1)

    def batches(stage):
        def of_stage(start):
            for batch in stage.batches(start):
                if next(left) == 0:
                    raise Killed
                yield batch

        return dataclasses.replace(stage, batches=of_stage)

    return [batches(stage) for stage in stages]


def train(config, stages, folder):
    folder.mkdir(exist_ok=True)
    state, _ = loop.train(
        stages,
        first_state(config, stages[0].optimizer),
        folder=folder,
        seed=config.seed,
        log_every=1,
        checkpoint_every=1,
        check_every=100,
        check=lambda state: [],
        devices=jax.local_devices()[:1],
    )
    return jax.tree.map(np.array, state)


def watched(config, folder):
    """States at the end of each stage, by name."""
    ends: dict = {}

    def watch(stage):
        return dataclasses.replace(
            stage, end=lambda state: ends.update({stage.name: jax.tree.map(np.array, state)})
        )

    train(config, [watch(stage) for stage in stages_of(config)], folder)
    return ends


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    return watched(config(), tmp_path_factory.mktemp("joint"))


def moved(before, after) -> set[str]:
    """Groups whose parameters or moments differ in any bit."""

    def same(name):
        try:
            for of in (lambda s: s.params[name], lambda s: s.opt_state[name]):
                assert_same_bits(of(before), of(after))
        except AssertionError:
            return False
        return True

    return {name for name in before.params if not same(name)}


def count(state, group: str) -> int:
    """Adam steps of a group."""
    counts = {
        int(leaf)
        for path, leaf in jax.tree_util.tree_leaves_with_path(state.opt_state[group])
        if "count" in jax.tree_util.keystr(path)
    }
    (only,) = counts
    return only


def test_only_those_whose_turn_it_is_move_and_only_their_moments(joint):
    names = ["pretrain", "alignment-1", "detection-1", "alignment-2", "detection-2"]
    assert list(joint) == names
    of_turn = {
        "alignment": {"trunk", "alignment", "uncertainty"},
        "detection": {"trunk", "detection"},
    }
    for before, after in itertools.pairwise(names[1:]):
        assert moved(joint[before], joint[after]) == of_turn[after[:9]], after
    # The first turn starts all moments afresh.
    assert_same_bits(
        joint["pretrain"].params["detection"], joint["alignment-1"].params["detection"]
    )
    assert count(joint["alignment-1"], "detection") == 0


def test_moments_go_on_in_the_next_turn(joint):
    last = joint["detection-2"]
    counts = {name: count(last, name) for name in last.params}
    steps = {"alignment": 2 * STEPS, "uncertainty": 2 * STEPS, "detection": 2 * STEPS}
    assert counts == {**steps, "trunk": 4 * STEPS}


@pytest.mark.parametrize(
    "kills",
    [(3 * STEPS + 1, 1), *(pytest.param((n * STEPS,), marks=pytest.mark.slow) for n in (1, 2))],
)
def test_a_run_killed_in_the_alternation_goes_on_bit_for_bit(joint, tmp_path, kills):
    stages = stages_of(config())
    for steps in kills:
        with pytest.raises(Killed):
            train(config(), killed_after(stages, steps), tmp_path)
    assert_same_bits(train(config(), stages, tmp_path), joint["detection-2"])


@pytest.mark.slow
def test_separate_networks_share_nothing_after_the_pretraining(joint, tmp_path):
    rounds = dataclasses.replace(config().rounds, count=1)
    separate = config(
        separate=True, rounds=rounds, pretrain=dataclasses.replace(config().pretrain, steps=0)
    )
    ends = watched(separate, tmp_path)
    alignment, detection = ends["alignment-1"], ends["detection-1"]
    assert moved(alignment, detection) == {"detection_trunk", "detection"}
    assert_same_bits(alignment.batch_stats["trunk"], detection.batch_stats["trunk"])
    # The detection's trunk starts as the pre-trained one.
    pretrained = joint["pretrain"]
    begun = stages_of(separate)[1].begun(jax.tree.map(jnp.asarray, pretrained))
    assert_same_bits(begun.params["detection_trunk"], pretrained.params["trunk"])
    assert_same_bits(begun.batch_stats["detection_trunk"], pretrained.batch_stats["trunk"])


def test_separate_networks_go_on_with_their_part_of_the_pretraining():
    separate = config(separate=True)
    alignment, detection = map(separate.loss_of, ("alignment", "detection"))
    assert (alignment.anchors, alignment.features) == (1, 1)
    assert (alignment.equivariance, alignment.detection) == (0, 0)
    assert (detection.anchors, detection.likelihood, detection.features) == (0, 0, 1)
    assert (detection.equivariance, detection.detection) == (1, 1)
    assert not alignment.of_pairs and not detection.of_pairs


def test_a_separate_alignment_may_learn_by_eq_6_alone():
    loss = LossConfig(equivariance=1, likelihood=1, alignment=2, detection=1, joint=3)
    separate = config(separate=True, pretrain_loss=loss)
    alignment, detection = map(separate.loss_of, ("alignment", "detection"))
    assert alignment == LossConfig(likelihood=1, alignment=2)
    assert detection == LossConfig(equivariance=1, detection=1)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A folder with the rendered pictures and a whole run without W_C and self-similarity."""
    folder = tmp_path_factory.mktemp("whole")
    where = ("--data.cache", folder / "data", "--runs", folder / "runs")
    switches = ("--no-uncertainty", "--no-self-similarity")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("experiments.engine.compilation.keep_compiled", lambda: None)
        assert call(command.main, *TINY, *where, *switches, "--name", "tiny") == 0
    return folder / "runs/jlad/tiny"


def test_a_whole_run_writes_its_results(run):
    found = json.loads((run / "results.json").read_text())
    assert found["experiment"] == "jlad" and found["steps"] == 3 * STEPS
    assert found["variant"] == "no-uncertainty-no-self-similarity"
    assert set(found["alignment"]) > {"pck", "identity_pck", "untrained_pck", "protocol"}
    assert found["landmarks"]["normalizer"] == "longest side of the true object box"
    assert [row["round"] for row in found["iterations"]] == [0, 1]
    for row in found["iterations"]:
        assert list(row["pck"]) == ["0.05", "0.10", "0.15"]
        assert row["landmarks"]["nme_percent"] > 0
    last = found["iterations"][-1]
    assert last["pck"] == found["alignment"]["pck"]
    # Sigma is 1 everywhere: nothing is more certain than anything else.
    assert found["uncertainty"]["sparsification_area"] == pytest.approx(1)
    assert found["uncertainty"]["occlusion_auroc"] == pytest.approx(0.5)
    assert found["uncertainty"]["oracle_area"] < 1


def test_a_whole_run_writes_its_report(run):
    page = (run / "report.html").read_text()
    for title in ("Rounds", "Landmarks on pairs", "Self-similarity at landmarks", "Losses by step"):
        assert title in page
    names = {"landmarks", "warped", "self_similarity", "matches_0", "matches_1", "losses"}
    assert {path.stem for path in (run / "pictures").iterdir()} == names


def test_stages_log_their_own_terms(run):
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    terms = {row["stage"]: set(row) for row in rows}
    taught = {"anchors", "likelihood", "features"}
    of_pairs = {"detection", "alignment", "joint"}
    every = taught | of_pairs | {"equivariance"}
    assert terms["pretrain"] & every == taught | {"equivariance", "detection"}
    assert terms["alignment-1"] & every == of_pairs | taught
    assert terms["detection-1"] & every == of_pairs | {"equivariance", "features"}


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ("--landmarks 7", "no published margin for 7 landmarks"),
        ("--landmarks 1 --margin 0.1", "--landmarks must be at least 2, got 1"),
        ("--rounds.detection-steps 0", "--rounds.detection-steps must be at least 1, got 0"),
        ("--rounds.count -1", "--rounds.count must be at least 0, got -1"),
        ("--unmatched --no-uncertainty", "--unmatched needs --uncertainty"),
        ("--unmatched --warp.background 0", "--unmatched needs --uncertainty, --warp.background"),
        (
            "--separate --pretrain-loss.equivariance 0 --pretrain-loss.features 0",
            "--pretrain-loss.* has no weight in the stage detection",
        ),
        ("--preset paper --data.path x", "no ImageNet weights of resnet101"),
        ("--preset huge", "there is no preset 'huge'"),
        (
            "--alignment-loss.anchors 0 --alignment-loss.features 0 --alignment-loss.likelihood 0 "
            "--alignment-loss.alignment 0 --alignment-loss.joint 0",
            "--alignment-loss.* has no weight",
        ),
        ("--data.held-out spoon", "--data.held-out spoon is none of the categories"),
    ],
)
def test_wrong_use_is_one_error(tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert call(command.main, *arguments.split(), "--runs", tmp_path) == 2
    told = capsys.readouterr().err
    assert named in told and told.count("error: ") == 1 and "Traceback" not in told


def test_what_has_no_match_cannot_be_told_without_masks():
    unmatched, data = config(unmatched=True), dataclasses.replace(pictures(), masks=None)
    stage = make_stages(unmatched, data)[0]
    state, keys = first_state(unmatched, stage.optimizer), jax.random.split(jax.random.key(0))
    with pytest.raises(UsageError, match="--unmatched needs the masks of the objects"):
        jax.eval_shape(stage.loss_fn, state.params, state, next(stage.batches(0)), keys)


def test_what_has_no_match_teaches_sigma_and_nothing_else():
    stage = make_stages(config(unmatched=True), pictures())[0]
    state = first_state(config(unmatched=True), stage.optimizer)
    keys = jax.random.split(jax.random.key(0))
    batch = next(stage.batches(0))
    setting = stage.loss_fn.keywords["setting"]

    def terms(unmatched):
        loss = functools.partial(
            stage.loss_fn,
            setting=dataclasses.replace(
                setting, unmatched=unmatched, weights=LossConfig(anchors=1, likelihood=1)
            ),
        )
        return jax.jit(loss)(state.params, state, batch, keys)[1].metrics

    told, untold = terms(True), terms(False)
    assert {name for name in told if told[name] != untold[name]} == {"likelihood"}
