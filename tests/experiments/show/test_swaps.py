"""The section of a report on whether pose and appearance are apart."""

import copy

from experiments.show.page import render
from experiments.show.swaps import claims, swaps_section


def fit(alpha, beta):
    ends = {
        f"{name}_interval": [value - 0.05, value + 0.05]
        for name, value in (("alpha", alpha), ("beta", beta))
    }
    return {"alpha": alpha, "beta": beta} | ends


def fits(alpha, beta):
    return {name: fit(alpha, beta) for name in ("place", "size", "tilt", "yaw")}


APART = {
    "pairs": 1000,
    "reconstruction": {
        "error": 0.004, "mean_image_error": 0.02, "coarse_error": 0.005, "swapped_error": 0.01,
    },
    "own_landmarks_px": 1.25,
    "judge": {"error_percent": 4.5, "blurred_error_percent": 6.0},
    "pose": fits(0.02, 0.9),
    "pose_of_pictures": fits(0.0, 0.98),
    "pose_of_moved_mean_face": fits(0.0, 0.8),
    "pose_of_template": fits(0.0, 0.85),
    "pose_without_maps": fits(0.05, 0.0),
    "pose_of_mean_maps": fits(0.04, 0.0),
    "color": fit(0.8, 0.05),
    "template_color_variance": 0.04,
}  # fmt: skip


def test_all_claims_hold_where_the_numbers_say_so():
    assert all(claims(APART).values()) and len(claims(APART)) == 7


def test_each_claim_falls_with_its_number():
    changes = {
        "D(a_i, p_i)": ("reconstruction", "coarse_error", 0.003),
        "the pose counts": ("reconstruction", "swapped_error", 0.005),
        "place, size and tilt": ("pose", "tilt", fit(0.2, 0.9)),
        "yaw": ("pose", "yaw", fit(0.0, 0.2)),
        "colours": ("color", "beta", 0.3),
        "D(a, 0)": ("pose_without_maps", "size", fit(0.3, 0.0)),
    }
    for begin, (key, name, value) in changes.items():
        worse = copy.deepcopy(APART)
        worse[key][name] = value
        fallen = [claim for claim, holds in claims(worse).items() if not holds]
        assert len(fallen) == 1 and fallen[0].startswith(begin)
    (fallen,) = [k for k, v in claims(APART | {"template_color_variance": 0.5}).items() if not v]
    assert fallen == "D(0, p) has one colour"


def test_the_section_shows_coefficients_references_and_shares():
    page = render("title", "lead", [swaps_section(APART)])
    for text in ("tilt", "0.85 to 0.95", "the template", "0.80", "1.2 px", "4.5 %"):
        assert text in page


def test_without_a_judge_the_reason_stands_in_the_section():
    kept = ("pairs", "reconstruction", "own_landmarks_px")
    found = {key: APART[key] for key in kept} | {"judge": None, "reason": "no judge of these"}
    section = swaps_section(found)
    assert "no judge of these" in render("title", "lead", [section]) and len(section.tables) == 2
