"""Poor, fair or good: what the numbers of a `self_check` object say together, in plain words."""

from typing import Any, Literal

import numpy as np

from c3jax.tools.measure.evaluation import Detect
from data_pipelines.load import AlignmentData, Data
from experiments.measure.self_check import measure_self_check, pictures_of

POOR, GOOD = {"follow": 0.6, "same_spot": 0.2}, {"follow": 0.9, "same_spot": 0.6}
POOR_DEAD, GOOD_DEAD = 1 / 3, 1 / 10  # shares of the landmarks
DEAD = {"still": "stand still", "coinciding": "coincide", "elsewhere": "mark no spot of it"}
Verdict = Literal["poor", "fair", "good"]


def check_data(detect: Detect, data: Data | AlignmentData) -> dict[str, Any]:
    """The whole `self_check` object of a data set: numbers, verdict and sentence."""
    return judged(measure_self_check(detect, *pictures_of(data)))


def check_photos(detect: Detect, photos: np.ndarray) -> dict[str, Any]:
    """The same of any photos, uint8 `[n, S, S, 3]`."""
    return judged(measure_self_check(detect, photos, "photos"))


def verdict(follow: float | None, same_spot: float | None, dead: float) -> Verdict:
    """One word for the numbers. Without `follow` it is poor; `same_spot` may be unknown.

    Args:
      follow, same_spot: as in the object.
      dead: share of the landmarks that are still, coincide or mark no spot.

    >>> verdict(0.95, 0.7, 0.1), verdict(0.95, None, 0.2), verdict(0.5, 0.7, 0.0)
    ('good', 'fair', 'poor')
    """
    spot = GOOD["same_spot"] if same_spot is None else same_spot
    if follow is None or follow < POOR["follow"] or spot < POOR["same_spot"] or dead >= POOR_DEAD:
        return "poor"
    good = follow >= GOOD["follow"] and spot >= GOOD["same_spot"] and dead <= GOOD_DEAD
    return "good" if good else "fair"


def judged(check: dict[str, Any]) -> dict[str, Any]:
    """The numbers with their `verdict`, and one plain `sentence` that says why."""
    word = verdict(check["follow"], check["same_spot"], dead_share(check))
    return {**check, "verdict": word, "sentence": f"{word.capitalize()}: {reasons(check)}."}


def dead_share(check: dict[str, Any]) -> float:
    """The share of landmarks that are still, coincide with another or mark no spot."""
    return len({number for name in DEAD for number in check[name]}) / check["num_landmarks"]


def reasons(check: dict[str, Any]) -> str:
    """What stands behind the verdict: what is short of good, and the dead landmarks."""
    follow, spot, said = check["follow"], check["same_spot"], []
    if follow is None or follow < GOOD["follow"]:
        said.append(f"the landmarks follow {100 * (follow or 0):.0f} % of a shift of the object")
    if spot is not None and spot < GOOD["same_spot"]:
        said.append(f"they mark the same spot of it too seldom ({spot:.2f}: 1 always, 0 by chance)")
    if not said:
        spots = "" if spot is None else " and mark the same spots of it"
        said.append(f"the landmarks follow the object{spots}")
    lists = {does: check[name] for name, does in DEAD.items() if check[name]}
    named = [f"landmarks that {does}: {', '.join(map(str, n))}" for does, n in lists.items()]
    return "; ".join([*said, *named])
