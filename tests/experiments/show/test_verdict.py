"""Poor, fair or good, and the sentence that says why."""

import pytest

from experiments.show.verdict import judged, verdict


@pytest.mark.parametrize(
    "follow, same_spot, dead, word",
    [
        (0.9, 0.6, 0.1, "good"), (0.89, 0.6, 0.1, "fair"), (0.9, 0.59, 0.1, "fair"),
        (0.9, 0.6, 0.11, "fair"), (0.6, 0.2, 0.33, "fair"), (0.59, 0.9, 0.0, "poor"),
        (0.95, 0.19, 0.0, "poor"), (0.95, 0.9, 1 / 3, "poor"), (0.9, None, 0.0, "good"),
        (0.8, None, 0.0, "fair"), (None, 0.9, 0.0, "poor"),
    ],
)  # fmt: skip
def test_the_verdict_changes_at_its_bounds(follow, same_spot, dead, word):
    assert verdict(follow, same_spot, dead) == word


def test_the_sentence_says_what_is_short_of_good_and_counts_a_landmark_once():
    check = {"follow": 0.75, "same_spot": 0.5, "still": [1], "coinciding": [1, 2], "elsewhere": []}
    found = judged(check | {"num_landmarks": 20})
    assert found["verdict"] == "fair"
    assert judged(check | {"num_landmarks": 5})["verdict"] == "poor"
    good = check | {"num_landmarks": 20, "follow": 1.0, "same_spot": 0.7}
    assert judged(good)["verdict"] == "good"
    assert found["sentence"] == (
        "Fair: the landmarks follow 75 % of a shift of the object; they mark the same spot of it "
        "too seldom (0.50: 1 always, 0 by chance); landmarks that stand still: 1; landmarks that "
        "coincide: 1, 2."
    )
