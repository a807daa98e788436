"""Joint training on tiny networks: all stages, whose turn it is, resuming, variants, wrong use."""

import dataclasses
import itertools
import json
import signal

import jax
import numpy as np
import pytest

from c3jax.tools.errors import UsageError
from c3jax.training.checkpoints import Checkpoints
from data_pipelines.load import AlignmentData
from experiments.jlad.config import Config, LossConfig
from experiments.jlad.recipe import PAPER, RECIPE, with_detection_trunk
from tests.c3jax.training.toy import assert_same_bits
from tests.experiments import tiny

SIZE, STEPS = 16, 2
NETWORKS = (
    "--preset laptop_small --model.stages layer1 --model.radius 1 --model.alignment-channels 4 4 "
    "--model.alignment-kernel 3 --model.uncertainty-channels 4 --model.detection-channels 4 "
    "--landmarks 2 --margin 0.1 --pretrain.batch-size 4 --rounds.batch-size 4 "
    "--data.image-size 32 --log-every 1"
).split()
TINY = [
    *NETWORKS,
    *f"--data.train-examples 16 --data.test-pairs 8 --pretrain.steps {STEPS}".split(),
    *f"--rounds.alignment-steps {STEPS} --rounds.detection-steps {STEPS}".split(),
]


def config(**changes) -> Config:
    """A laptop configuration, made small: 4x4 cells."""
    return tiny.config("jlad", data={"image_size": SIZE}, landmarks=2, **changes)


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


def make_stages(config, data):
    return RECIPE.stages(config, data, RECIPE.build(config))


def test_the_pre_training_warps_other_pictures_where_there_are_some():
    others = dataclasses.replace(pictures(), images=np.zeros((6, SIZE, SIZE, 3), np.uint8))
    data = dataclasses.replace(pictures(), others=others)
    first, second, *_ = make_stages(config(), data)
    assert (first.name, next(first.batches(0))["source"].max()) == ("pretrain", 0)
    assert (second.name, next(second.batches(0))["source"].max() > 0) == ("alignment-1", True)


@pytest.fixture(scope="module")
def started(tmp_path_factory, compiled, without_spots):
    """`started(name, *options)` runs the command on one device: status, folder, last states.

    The states at the ends of the stages, by name.
    """
    place, one_device, save = tmp_path_factory.mktemp("joint"), jax.devices()[:1], Checkpoints.save

    def started(name, *options):
        ends = {}

        def watched(self, step, state, meta):
            ends[meta["stage"]] = jax.tree.map(np.array, state)
            save(self, step, state, meta)
            if f"--interrupt={step}" in options:
                signal.raise_signal(signal.SIGTERM)

        given = [option for option in options if not option.startswith("--interrupt")]
        where = ("--data.cache", place / "data", "--runs", place, "--name", name)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jax, "devices", lambda: one_device)
            patch.setattr(Checkpoints, "save", watched)
            status = tiny.train("jlad", *TINY, *where, *given)
        return status, place / "jlad" / name, ends

    return started


@pytest.fixture(scope="module")
def whole(started):
    """Folder and states of a run of two rounds."""
    status, folder, ends = started("whole", "--rounds.count", "2")
    assert status == 0
    return folder, ends


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


def test_only_those_whose_turn_it_is_move_and_only_their_moments(whole):
    _, ends = whole
    names = ["pretrain", "alignment-1", "detection-1", "alignment-2", "detection-2"]
    assert list(ends) == names
    of_turn = {
        "alignment": {"trunk", "alignment", "uncertainty"},
        "detection": {"trunk", "detection"},
    }
    for before, after in itertools.pairwise(names[1:]):
        assert moved(ends[before], ends[after]) == of_turn[after[:9]], after
    # The first turn starts all moments afresh.
    assert_same_bits(ends["pretrain"].params["detection"], ends["alignment-1"].params["detection"])
    assert count(ends["alignment-1"], "detection") == 0


def test_moments_go_on_in_the_next_turn(whole):
    last = whole[1]["detection-2"]
    counts = {name: count(last, name) for name in last.params}
    steps = {"alignment": 2 * STEPS, "uncertainty": 2 * STEPS, "detection": 2 * STEPS}
    assert counts == {**steps, "trunk": 4 * STEPS}


@pytest.mark.slow
@pytest.mark.parametrize("steps", [(3 * STEPS,), (STEPS - 1, 2 * STEPS)])
def test_a_run_that_is_cut_off_in_the_alternation_goes_on_bit_for_bit(whole, started, steps):
    name, options = f"cut-{len(steps)}", ("--rounds.count", "2", "--checkpoint-every", "1")
    for step in steps:
        assert started(name, *options, f"--interrupt={step}")[0] == 128 + signal.SIGTERM
    status, _, ends = started(name, *options)
    assert status == 0
    assert_same_bits(ends["detection-2"], whole[1]["detection-2"])


@pytest.mark.slow
def test_separate_networks_share_nothing_after_the_pretraining(started):
    status, _, ends = started("separate", "--rounds.count", "1", "--separate")
    assert status == 0
    alignment, detection = ends["alignment-1"], ends["detection-1"]
    assert moved(alignment, detection) == {"detection_trunk", "detection"}
    assert_same_bits(alignment.batch_stats["trunk"], detection.batch_stats["trunk"])
    # The detection's trunk starts as the pre-trained one.
    pretrained = ends["pretrain"]
    assert_same_bits(alignment.params["detection_trunk"], pretrained.params["trunk"])
    assert_same_bits(alignment.batch_stats["detection_trunk"], pretrained.batch_stats["trunk"])


def test_a_whole_run_writes_its_results(whole):
    run, _ = whole
    found = json.loads((run / "results.json").read_text())
    assert found["experiment"] == "jlad" and found["steps"] == 5 * STEPS
    assert found["variant"] == "joint"
    assert set(found["alignment"]) > {"pck", "identity_pck", "untrained_pck", "protocol"}
    assert found["landmarks"]["normalizer"] == "longest side of the true object box"
    assert [row["round"] for row in found["iterations"]] == [0, 1, 2]
    for row in found["iterations"]:
        assert list(row["pck"]) == ["0.05", "0.10", "0.15"]
        assert row["landmarks"]["nme_percent"] > 0
    last = found["iterations"][-1]
    assert last["pck"] == found["alignment"]["pck"]
    assert found["uncertainty"]["oracle_area"] < found["uncertainty"]["sparsification_area"]
    switched = config(uncertainty=False, self_similarity=False)
    assert switched.variant() == "no-uncertainty-no-self-similarity"


def test_a_whole_run_writes_its_report(whole):
    run, _ = whole
    page = (run / "report.html").read_text()
    for title in ("Rounds", "Landmarks on pairs", "Self-similarity at landmarks", "Losses by step"):
        assert title in page
    names = {"landmarks", "warped", "self_similarity", "matches_0", "matches_1", "losses"}
    names |= {"numbered", "cut_outs"}
    assert {path.stem for path in (run / "pictures").iterdir()} == names


def test_stages_log_their_own_terms(whole):
    rows = [json.loads(line) for line in (whole[0] / "metrics.jsonl").read_text().splitlines()]
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
        ("--landmarks 7", "there is no margin for 7 landmarks"),
        ("--landmarks 1 --margin 0.1", "--landmarks must be at least 2, got 1"),
        ("--rounds.detection-steps 0", "--rounds.detection-steps must be at least 1, got 0"),
        ("--rounds.count -1", "--rounds.count must be at least 0, got -1"),
        ("--unmatched --no-uncertainty", "--unmatched needs --uncertainty"),
        ("--unmatched --warp.background 0", "--unmatched needs --uncertainty, --warp.background"),
        (
            "--separate --pretrain-loss.equivariance 0 --pretrain-loss.features 0 "
            "--detection-loss.equivariance 0 --detection-loss.features 0",
            "--detection-loss.* has no weight in the stage detection",
        ),
        ("--preset paper --data.path x", "no weights of resnet101"),
        ("--preset huge", "there is no preset 'huge'"),
        (
            "--alignment-loss.anchors 0 --alignment-loss.features 0 --alignment-loss.likelihood 0 "
            "--alignment-loss.alignment 0 --alignment-loss.joint 0",
            "--alignment-loss.* has no weight",
        ),
        (" ".join([*NETWORKS, "--data.held-out spoon"]), "spoon is none of the categories"),
    ],
)
def test_wrong_use_is_one_error(tmp_path, monkeypatch, capsys, arguments, named):
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert tiny.train("jlad", *arguments.split(), "--runs", tmp_path) == 2
    told = capsys.readouterr().err
    assert named in told and "Traceback" not in told
    assert told.count("error: ") == 1 + ("weights" in named)  # beside the data


def terms(number, *configs, masks=True):
    """What a stage measures of two pairs, by configuration; all but sigma is shared."""
    data = pictures() if masks else dataclasses.replace(pictures(), masks=None)
    stages = [make_stages(own, data)[number] for own in configs]
    variables = [tiny.random_variables(own) for own in configs]
    for own in variables:
        apart = own["params"].keys() - variables[0]["params"].keys()  # the detection's own trunk
        own["params"] = variables[0]["params"] | {"uncertainty": own["params"]["uncertainty"]}
        own |= with_detection_trunk(own) if apart else {}
    parts = zip(configs, variables, stages, strict=True)
    states = [tiny.first_state(own, tree, stage.optimizer) for own, tree, stage in parts]
    batch = {name: values[:2] for name, values in next(stages[0].batches(0)).items()}
    keys = jax.random.split(jax.random.key(0))

    @jax.jit  # together: what the configurations share is compiled once
    def measured(states):
        each = zip(stages, states, strict=True)
        return [own.loss_fn(state.params, state, batch, keys)[1].metrics for own, state in each]

    return measured(states)


def test_what_has_no_match_teaches_sigma_and_nothing_else_and_needs_masks():
    own = config(pretrain_loss=LossConfig(anchors=1, likelihood=1))
    unmatched = dataclasses.replace(own, unmatched=True)
    told, untold = terms(0, unmatched, own)
    assert {name for name in told if told[name] != untold[name]} == {"likelihood"}
    with pytest.raises(UsageError, match="--unmatched needs the masks of the objects"):
        terms(0, unmatched, masks=False)


def test_sums_are_means_times_the_number_of_anchors_landmarks_and_cells():
    """4x4 cells, 2 landmarks, 64 anchors."""
    synthetic = LossConfig(anchors=1, equivariance=1)
    of_pairs = LossConfig(detection=1, alignment=1, joint=1)
    for number, loss, times in (
        (0, synthetic, {"anchors": 64, "equivariance": 2}),
        (1, of_pairs, {"detection": 2, "alignment": 4 * 4, "joint": 2}),
    ):
        losses = [dataclasses.replace(loss, sums=on) for on in (False, True)]
        both = (config(pretrain_loss=one, alignment_loss=one) for one in losses)
        means, sums = terms(number, *both)
        for name, count in times.items():
            assert float(means[name]) > 0
            np.testing.assert_allclose(sums[name], count * means[name], rtol=1e-5, err_msg=name)


def test_paper_has_the_printed_sums_and_weights_and_no_temperature():
    stages = PAPER.pretrain_loss, PAPER.alignment_loss, PAPER.detection_loss
    assert [(loss.sums, loss.temperature) for loss in stages] == 3 * [(True, 1.0)]
    weights = [(loss.detection, loss.alignment, loss.joint) for loss in stages]
    assert weights == [(0, 0, 0), (1, 10, 10), (10, 1, 100)]
    assert (PAPER.pretrain_loss.anchors, PAPER.pretrain_loss.equivariance) == (1, 1)
    for laptop in (preset for name, preset in RECIPE.presets(None).items() if name != "paper"):
        assert not (laptop.pretrain_loss.sums or laptop.alignment_loss.sums)
