"""`python -m benchmarks.cost`: counts by hand, and a run on the smallest programs."""

import json

import pytest

from benchmarks import cost
from benchmarks.table import line
from c3jax.tools.errors import UsageError
from tests.experiments.tiny import call


def gflops(block, trunk="none", size=400):
    macs, (cells, _, features) = cost.trunk_cost(trunk, size)
    return 2e-9 * (macs + cost.block_macs(block, cells, features, cost.Options()))


def test_operations_of_the_blocks_counted_by_hand():
    options = cost.Options(channels=(3, 1), kernel_size=3)
    volume = 2**4
    by_hand = {
        "separable": (9 * 3 + 9 * 9) + (9 * 3 + 9),  # 1 to 3 to 3, 3 to 1 to 1 channels
        "centre_pivot": 2 * 9 * 3 + 2 * 9 * 3,
        "full": 81 * 3 + 81 * 3,
    }
    for block, per_cell in by_hand.items():
        assert cost.block_macs(block, 2, 5, options) == volume * (5 + 2 * per_cell)


def test_nc_net_at_400_px_has_the_operations_counted_for_its_public_code():
    assert gflops("full") == pytest.approx(281 + 0.8, abs=1)  # the block, the correlation
    assert gflops("full", "resnet101") == pytest.approx(371, abs=2)


def test_the_separable_block_with_resnet50_has_the_operations_counted_for_c3():
    assert gflops("separable", "resnet50") == pytest.approx(74, abs=0.5)


def test_a_trunk_is_counted_from_its_program():
    stem, layer1 = 16 * 16 * 27 * 16, 8 * 8 * (9 * 16 * 16 * 2 + 16 * 16)  # the shortcut is strided
    layer2 = 4 * 4 * (9 * 16 * 32 + 9 * 32 * 32 + 16 * 32)
    layer3 = 2 * 2 * (9 * 32 * 64 + 9 * 64 * 64 + 32 * 64)
    macs, shape = cost.trunk_cost("small", 32)
    assert (macs, shape) == (2 * (stem + layer1 + layer2 + layer3), (2, 2, 64))


def test_the_table_and_the_json_hold_every_block(tmp_path, capsys):
    small = ["--sizes", 32, "--trunks", "none", "--channels", 2, 1, "--kernel-size", 3]
    out = tmp_path / "cost.json"
    assert call(cost.main, *small, "--repeats", 1, "--gradient", "--out", out) == 0
    said = capsys.readouterr().out
    assert "forward and backward" in said and "81 GFLOPs against NC-Net's 471" in said
    written = json.loads(out.read_text())
    assert [row["block"] for row in written["rows"]] == list(cost.BLOCKS)
    for row in written["rows"]:
        assert line(cost.COLUMNS, row) in said
        assert row["milliseconds"] > 0 and row["xla_gflops"] > 0 and row["cells"] == 2
    full = written["rows"][-1]
    assert full["xla_loops"] and full["gflops"] == 2e-9 * full["macs"]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"sizes": (8,)}, "--sizes must be 16 pixels or more each, got"),
        ({"sizes": ()}, "--sizes must be 16 pixels or more each, got"),
        ({"repeats": 0}, "--repeats must be at least 1, got 0"),
    ],
)
def test_what_cannot_be_measured_is_refused(fields, match):
    with pytest.raises(UsageError, match=match):
        cost.check(cost.Options(**fields))


def test_a_folder_that_is_not_there_is_refused_before_anything_is_measured(tmp_path):
    with pytest.raises(UsageError, match="there is no folder"):
        cost.check(cost.Options(out=tmp_path / "none" / "cost.json"))
