"""What a command prints of a run's results."""

from experiments.show.report import print_results
from experiments.show.rows import describe_row

LANDMARKS = {
    "nme_percent": 6.789,
    "normalizer": "inter-ocular distance",
    "nme_with_intercept_percent": 5.5,
    "few_shot_nme_percent": {n: {"mean": 9.0, "deviation": 1.0} for n in ("1", "5")},
    "mean_shape_nme_percent": 9.876,
    "protocol": "in words",
    "fitted_on": 19_000,
    "tested_on": 1_000,
}
ALIGNMENT = {
    "test": "seen",
    "pairs": 9,
    "pictures": 4,
    "protocol": "bbox: of pairs",
    "pck": {"0.05": 12.5, "0.10": 50.0},
    "identity_pck": {"0.05": 1.0, "0.10": 2.0},
}


def printed(capsys, results):
    print_results(results, 10)
    lines = capsys.readouterr().out.strip().splitlines()
    assert max(map(len, lines)) <= 100
    return [" ".join(line.split()) for line in lines]


def test_landmarks_stand_beside_baselines_and_published_errors_of_their_protocol(capsys):
    lines = printed(capsys, {"landmarks": LANDMARKS, "data": "celeb_a"})
    assert lines[:3] == ["Landmarks", "error, % of inter-ocular distance", "this run 6.79"]
    assert lines[3:6] == [
        "mean shape 9.88", "with intercept 5.50", "fitted on 1 / 5 faces 9.00 / 9.00"
    ]  # fmt: skip
    assert "C3, as published 3.11" in lines
    assert lines[-1] == "in words; fitted on 19,000, tested on 1,000 images."


def test_every_method_of_every_test_set_has_a_line(capsys):
    lines = printed(capsys, {"alignment": ALIGNMENT, "alignment_of": {"held out": ALIGNMENT}})
    assert lines.count("this run 12.50 50.00") == lines.count("identity 1.00 2.00") == 2
    assert "Alignment: seen" in lines and "bbox: of pairs; 9 pairs of 4 pictures." in lines


def test_rounds_say_what_they_have_measured(capsys):
    measured = {
        "pck": {"0.05": 30.0, "0.10": 50.0, "0.15": 70.0},
        "consistency": {"landmarks_carried_by_flow": {"px": 1.25}, "flow_true": {"px": 2.5}},
        "uncertainty": {"sparsification_area": 0.5, "oracle_area": 0.25, "occlusion_auroc": None},
    }
    rows = [{"round": number, "pck": measured["pck"]} for number in (0, 1)]
    lines = printed(capsys, {"iterations": rows})
    assert lines[2].startswith("pre-trained 30.00 50.00 70.00") and lines[3].startswith("round 1")
    assert describe_row(measured) == (
        "PCK  30.0  50.0  70.0  carried 1.25 px  field by the truth 2.50 px  sparsification 0.50  "
        "(oracle 0.25)"
    )
