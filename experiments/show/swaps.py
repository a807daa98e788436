"""The section of a report on whether pose and appearance are apart (C3's Figures 1 and 4)."""

from typing import Any

from experiments.show.page import Section, Table

Found = dict[str, Any]
LEAK, FOLLOWS, YAW_FOLLOWS, COLOR_FOLLOWS = 0.1, 0.8, 0.3, 0.7  # of |alpha| or |beta|, and of both
RECONSTRUCTED, OWN_SHARE, SAME_COLOR = 0.3, 0.6, 0.1  # shares of errors, and of a variance
REFERENCES = (
    ("the pictures themselves", "pose_of_pictures", "beta"),
    ("the mean face, moved to j's place, size and tilt", "pose_of_moved_mean_face", "beta"),
    ("D(0, p_j), the template", "pose_of_template", "beta"),
    ("D(a_i, 0)", "pose_without_maps", "alpha"),
    ("D(a_i, mean p)", "pose_of_mean_maps", "alpha"),
)


def swaps_section(swaps: Found) -> Section:
    """What holds, coefficients of every attribute, references, errors of the reconstruction."""
    tables = [Table(["claim of C3's Figures 1 and 4", "holds here"], list(claims(swaps).items()))]
    if swaps["judge"]:
        fits = swaps["pose"] | {"colour": swaps["color"]}
        rows = [
            [name, *(cell for w in ("alpha", "beta") for cell in (fit[w], interval(fit, w)))]
            for name, fit in fits.items()
        ]
        note = (
            "z(D(a_i, p_j)) = c + alpha z(i) + beta z(j) over pairs of different persons; z as a "
            "network sees it that learned key points with labels and had no part in this training "
            f"(its own error {swaps['judge']['error_percent']:.1f} %, in pictures as blurred as "
            f"those decoded {swaps['judge']['blurred_error_percent']:.1f} %); yaw: the nose "
            "against the middle of the eyes; colour: the mean inside the true mask of the picture "
            "that gives the pose. Intervals: 95 %, persons drawn anew."
        )
        columns = ["attribute of D(a_i, p_j)", "alpha, of i", "interval", "beta, of j", "interval"]
        tables.append(Table(columns, rows, note))
        lines = [
            [name, way, *(fit[way] for fit in swaps[key].values())] for name, key, way in REFERENCES
        ]
        tables.append(Table(["beside it", "", *swaps["pose"]], lines))
    errors = list(swaps["reconstruction"].values())
    names = ("D(a_i, p_i)", "the mean picture", "its 4x4 cells", "D(a_i, p_j) against i")
    shares = [[name, value, errors[0] / value] for name, value in zip(names, errors, strict=True)]
    note = (
        f"Landmarks found in D(a_i, p_j) are {swaps['own_landmarks_px']:.1f} px from those of j: "
    )
    note += "the network's agreement with itself, which its losses teach."
    tables.append(Table(["squared error", "", "share of D(a_i, p_i)'s in it"], shares, note))
    return Section("Appearance and pose apart", swaps.get("reason", ""), tables=tables)


def claims(swaps: Found) -> dict[str, bool]:
    """What the paper's pictures claim, and whether the numbers say so."""
    errors = swaps["reconstruction"]
    found = {
        "D(a_i, p_i) is picture i: closer than its 4x4 cells, and at most "
        f"{RECONSTRUCTED} of the mean picture's error": errors["error"] < errors["coarse_error"]
        and errors["error"] <= RECONSTRUCTED * errors["mean_image_error"],
        f"the pose counts: at most {OWN_SHARE} of D(a_i, p_j)'s error": errors["error"]
        <= OWN_SHARE * errors["swapped_error"],
    }
    if not swaps["judge"]:
        return found
    pose, color = swaps["pose"], swaps["color"]
    moved = [pose[name] for name in ("place", "size", "tilt")]
    without = [swaps["pose_without_maps"][name] for name in ("place", "size", "tilt")]
    return found | {
        "place, size and tilt are those of j": all(
            fit["beta"] >= FOLLOWS and abs(fit["alpha"]) <= LEAK for fit in moved
        ),
        "yaw is that of j": pose["yaw"]["beta"] >= YAW_FOLLOWS,
        "colours are those of i": color["alpha"] >= COLOR_FOLLOWS and abs(color["beta"]) <= LEAK,
        "D(0, p) has one colour": swaps["template_color_variance"] <= SAME_COLOR,
        "D(a, 0) has no pose": all(abs(fit["alpha"]) <= LEAK for fit in without),
    }


def interval(fit: Found, name: str) -> str:
    """An interval as a cell."""
    low, high = fit[f"{name}_interval"]
    return f"{low:.2f} to {high:.2f}"
