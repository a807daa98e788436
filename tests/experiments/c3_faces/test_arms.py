"""C3 against IMM: rows that are compared differ in one thing."""

import json
import shlex

import pytest

from c3jax.tools.errors import UsageError
from experiments.c3_faces import arms
from experiments.c3_faces.presets import PRESETS
from experiments.engine import cli, runs


def config_of(block, arm):
    options = arms.Options(block=block)
    arguments = shlex.split(options.arguments(2, arm))
    _, config, preset = cli.parse(lambda data: PRESETS, arguments, prog="c3_faces")
    cli.check_read(config, preset)
    config.check(1)
    return config


@pytest.mark.parametrize(
    ("block", "one", "other", "differing"),
    [
        ("a", "cycle", "imm", {"cycle"}),
        ("a", "both", "cycle", {"flow"}),
        ("a", "flow", "imm", {"flow"}),
        ("a", "warped", "warps", {"joint_pairs"}),
        ("a", "cycle", "warped", {"joint_pairs"}),
        ("a", "imm_longer", "imm", {"joint.steps"}),
        ("b", "both", "cycle", {"flow"}),
        ("b", "warped", "warps", {"joint_pairs"}),
    ],
)
def test_arms_differ_in_what_they_are_compared_for(block, one, other, differing):
    ours, theirs = (runs.to_json(config_of(block, arm)) for arm in (one, other))
    assert runs.differences(ours, theirs).keys() == differing


def test_block_a_trains_by_l_total_alone_and_leaves_the_flow_module():
    weights, preset = config_of("a", "both").loss, PRESETS["laptop"].loss
    assert (weights.cycle, weights.invariance, weights.equivariance) == (1, 1, 1)
    assert (weights.synthetic, weights.warp_consistency, weights.separation) == (0, 0, 0)
    assert weights.hard_match and not (weights.flow or weights.joint_flow)
    helped = config_of("b", "both").loss
    assert (helped.synthetic, helped.separation) == (preset.synthetic, preset.separation)


def test_commands_of_finished_runs_are_left_out_and_their_numbers_collected(
    tmp_path, monkeypatch, capsys
):
    options = arms.Options(runs=tmp_path)
    for arm, error in (("", 12.0), ("cycle", 11.0)):
        options.folder(0, arm).mkdir(parents=True)
        results = {"landmarks": {"nme_percent": error}, "seed": 0}
        (options.folder(0, arm) / "results.json").write_text(json.dumps(results))
    given = ["arms", "--seeds", "1", "--runs", str(tmp_path)]
    monkeypatch.setattr("sys.argv", given)
    arms.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(arms.ARMS) - 1
    assert all(f"--init-from {options.folder(0, '')} " in line for line in lines)
    assert not any("-a-cycle " in line for line in lines)
    monkeypatch.setattr("sys.argv", [*given, "--collect", str(tmp_path / "all.json")])
    arms.main()
    found = json.loads((tmp_path / "all.json").read_text())
    errors = {"stage1": 12.0, "cycle": 11.0}
    numbers = {arm: {"0": {"landmarks": {"nme_percent": error}}} for arm, error in errors.items()}
    assert found == numbers
    monkeypatch.setattr("sys.argv", [*given[:-1], str(tmp_path / "none"), "--collect", "x.json"])
    with pytest.raises(UsageError, match="no arm is finished"):
        arms.main()
