"""What an aligner is measured beside: each network once."""

from dataclasses import replace

import pytest

from c3jax.tools.measure import aligners
from experiments.engine.networks import group_of, with_group
from experiments.registry import load_trained
from experiments.semantic_alignment.model import make_aligner
from tests.experiments.tiny import config, random_tree, write_run


@pytest.mark.parametrize(("group", "passes"), [("flow", 1), ("trunk", 2)])
def test_features_of_one_trunk_and_matches_of_one_network_are_computed_once(
    tmp_path, monkeypatch, group, passes
):
    few = config("semantic_alignment", data={"test_pairs": 8, "cache": tmp_path})
    trained = load_trained(write_run(tmp_path / "run", few))
    data = trained.recipe.load_data(trained.config.data, training=False)
    model, seen, carried = make_aligner(trained), [], []
    drawn = random_tree(group_of(model.variables, group), seed=1)
    other = replace(model, variables=with_group(model.variables, group, drawn))
    for name, calls in (("compute_features", seen), ("find_maps", carried)):
        compute = getattr(aligners, name)
        spy = lambda *given, compute=compute, calls=calls: [calls.append(1), compute(*given)][1]  # noqa: E731
        monkeypatch.setattr(aligners, name, spy)
    others = {"start": other, "untrained": other}
    found = aligners.evaluate_aligner(model, data.name, data.tests, **others)["alignment"]
    assert (len(seen), len(carried)) == (passes * len(data.tests), 2 * len(data.tests))
    assert found["start_pck"] == found["untrained_pck"] != found["pck"]
