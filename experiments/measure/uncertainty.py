"""Whether the uncertainty means something: sparsification, and hidden against visible matches."""

import numpy as np

DEFINITION = (
    "pixels of the object with a known match, of all pairs together; areas are those under the "
    "mean error of the pixels that remain when the most uncertain are taken out one by one, "
    "relative to the mean error of all (what taking out at random leaves); oracle: the "
    "greatest errors first; auroc: how often sigma is larger where the match is hidden than where "
    "it is seen"
)


def uncertainty_quality(log_sigma, error, hidden) -> dict[str, float | str | None]:
    """Numbers about values `[n]` of the same pixels.

    Args:
      log_sigma: predicted.
      error: of the match, any unit.
      hidden: bool, whether the true match is hidden.
    """
    return {
        "definition": DEFINITION,
        "pixels": len(error),
        "sparsification_area": sparsification_area(log_sigma, error),
        "oracle_area": sparsification_area(error, error),
        "random_area": 1.0,
        "occlusion_auroc": auroc(log_sigma, hidden),
    }


def sparsification_area(uncertainty, error) -> float:
    """Mean over k of the mean error of the k most certain, over the mean error of all.

    Pixels of equal uncertainty count with their common mean error.
    """
    values, group = np.unique(uncertainty, return_inverse=True)
    sums = np.bincount(group, weights=error, minlength=len(values))
    ordered = (sums / np.bincount(group))[np.sort(group)]  # from the most certain on
    remaining = np.cumsum(ordered) / np.arange(1, len(ordered) + 1)
    return float(remaining.mean() / np.mean(error))


def auroc(scores, positive) -> float | None:
    """Chance that a positive has the greater score, ties half; None without both kinds."""
    positive = np.asarray(positive, bool)
    num, total = int(positive.sum()), len(positive)
    if num in (0, total):
        return None
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[group]
    return float((ranks[positive].sum() - num * (num + 1) / 2) / (num * (total - num)))
