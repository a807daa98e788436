"""What a command prints of a run's results."""

from experiments.show.terminal import describe_row, print_results

LANDMARKS = {
    "nme_percent": 6.789,
    "normalizer": "inter-ocular distance",
    "nme_with_intercept_percent": 5.5,
    "few_shot_nme_percent": {"1": {"mean": 9.0}, "5": {"mean": 8.5}},
    "mean_shape_nme_percent": 9.876,
}
ALIGNMENT = {
    "test": "seen",
    "pairs": 9,
    "protocol": "bbox: of pairs",
    "methods": {"identity": {}, "trained": {}},
    "pck": {"0.05": 12.5, "0.10": 50.0},
    "identity_pck": {"0.05": 1.0, "0.10": 2.0},
}


def printed(capsys, results):
    print_results(results, 10)
    lines = capsys.readouterr().out.strip().splitlines()
    assert max(map(len, lines)) <= 100
    return [line.split() for line in lines]


def test_a_line_for_each_protocol_of_landmarks(capsys):
    title, *lines = printed(capsys, {"landmarks": LANDMARKS, "data": "aflw"})
    assert " ".join(title) == "error in % of the inter-ocular distance (test)"
    assert lines[0] == ["this", "run", "6.79"]
    assert [line[-1] for line in lines[1:]] == ["9.88", "5.50", "8.50"]


def test_published_errors_stand_beside_a_run_by_their_protocol(capsys):
    protocol = {"fitted_on": 19_000, "tested_on": 1_000}
    lines = printed(capsys, {"landmarks": LANDMARKS | protocol, "data": "celeb_a"})
    assert ["C3,", "as", "published", "3.11"] in lines


def test_every_method_of_every_test_set_has_a_line(capsys):
    lines = printed(capsys, {"alignment": ALIGNMENT, "alignment_of": {"held out": ALIGNMENT}})
    assert lines.count(["this", "run", "12.5", "50.0"]) == 2
    assert lines.count(["identity", "1.0", "2.0"]) == 2
    assert "held out: PCK in % at alpha 0.05, 0.10 (9 pairs)".split() in lines


def test_rounds_say_what_they_have_measured(capsys):
    measured = {
        "pck": {"0.10": 50.0},
        "consistency": {"landmarks_carried_by_flow": {"px": 1.25}, "flow_true": {"px": 2.5}},
        "uncertainty": {"sparsification_area": 0.5, "oracle_area": 0.25, "occlusion_auroc": None},
    }
    rows = [{"round": 0, "pck": {"0.10": 40.0}}, {"round": 1, "pck": measured["pck"]}]
    title, first, last = printed(capsys, {"variant": "joint", "iterations": rows})
    assert title[0] == "joint:" and first == ["pre-trained", "PCK", "40.0"]
    assert last[:4] == ["round", "1", "PCK", "50.0"]
    assert describe_row(measured) == (
        "PCK  50.0  carried 1.25 px  field by the truth 2.50 px  sparsification 0.50  (oracle 0.25)"
    )
