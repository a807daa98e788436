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
    distances = np.hypot(*np.moveaxis(predicted - true, -1, 0))
    return np.array([100 * d.mean() / n for d, n in zip(distances, normalizer, strict=True)])


def pck(predicted, true, length, alpha, valid):
    distances = np.hypot(*np.moveaxis(predicted - true, -1, 0))
    correct = [d[v] <= alpha * n for d, v, n in zip(distances, valid, length, strict=True)]
    return np.array([100 * np.mean(each) for each in correct])


def endpoint_error(predicted, true, valid):
    distances = np.hypot(*np.moveaxis(predicted - true, -1, 0))
    return np.array([d[v].mean() for d, v in zip(distances, valid, strict=True)])
