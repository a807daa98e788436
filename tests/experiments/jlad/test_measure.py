"""What is measured after each round."""

import dataclasses

from experiments import recipe
from experiments.jlad.evaluate import make_measure
from experiments.registry import load_trained
from tests.experiments.tiny import config, write_run


def test_the_untrained_network_looks_at_each_picture_once_in_a_run(tmp_path, monkeypatch):
    few = {"train_examples": 16, "test_pairs": 8, "cache": tmp_path}
    trained = load_trained(write_run(tmp_path / "run", config("jlad", data=few)))
    data = trained.recipe.load_data(trained.config.data, training=False)
    measure, find, looked = make_measure(trained.config, data), recipe.find_landmarks, []

    def spy(model, images):
        looked.append(len(images))
        return find(model, images)

    monkeypatch.setattr(recipe, "find_landmarks", spy)
    first = measure(trained)
    assert len(looked) == 2 * 2  # both networks, pictures to fit and to test on
    assert measure(dataclasses.replace(trained)) == first and len(looked) == 3 * 2
