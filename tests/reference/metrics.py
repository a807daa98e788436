"""Metrics, slowly, in float64."""

import numpy as np


def regress(landmarks, keypoints, test_landmarks, intercept):
    """Normal equations of the shortest least-squares solution, from the corner."""

    def rows(points):
        flat = np.asarray(points, np.float64).reshape(len(points), -1) + 1
        return np.hstack([flat, np.ones((len(flat), 1))]) if intercept else flat

    values = np.asarray(keypoints, np.float64).reshape(len(keypoints), -1) + 1
    weights = np.linalg.pinv(rows(landmarks), rcond=1e-10) @ values
    return (rows(test_landmarks) @ weights - 1).reshape(len(test_landmarks), -1, 2)


def normalized_mean_error(predicted, true, normalizer):
    out = []
    for p, t, n in zip(predicted, true, normalizer, strict=True):
        distances = [np.hypot(*(a - b)) for a, b in zip(p, t, strict=True)]
        out.append(100 * np.mean(distances) / n)
    return np.array(out)


def pck(predicted, true, length, alpha, valid):
    out = []
    for p, t, n, v in zip(predicted, true, length, valid, strict=True):
        correct = [
            np.hypot(*(a - b)) <= alpha * n for a, b, good in zip(p, t, v, strict=True) if good
        ]
        out.append(100 * np.mean(correct))
    return np.array(out)
