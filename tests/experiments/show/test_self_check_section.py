"""The `self_check` object in a report, in a terminal and beside other runs."""

from experiments.show.comparison import METRICS
from experiments.show.page import render
from experiments.show.report import print_results
from experiments.show.sections import result_sections, self_check_section

CHECK = {
    "pictures": 1234,
    "num_landmarks": 10,
    "made_on": "photos that were kept back from the training",
    "warp_error_percent": 3.8,
    "follow": 0.58,
    "same_spot": 0.41,
    "still": [],
    "coinciding": [2, 5],
    "elsewhere": [7],
    "verdict": "poor",
    "sentence": "Poor: in one sentence.",
}


def test_the_section_has_the_verdict_the_numbers_and_what_was_looked_at():
    (table,) = self_check_section(CHECK).tables
    rows = dict(table.rows)
    assert list(rows.values()) == ["poor", 3.8, 0.58, 0.41, "none", [2, 5], [7]]
    assert table.note == (
        "Poor: in one sentence. Checked on 1,234 photos that were kept back from the training."
    )


def test_what_is_unknown_is_a_dash_with_its_reason():
    found = CHECK | {"same_spot": None, "elsewhere": [], "reason": "no package; run pip"}
    section = self_check_section(found)
    assert section.tables[0].note.endswith("Same spot is not known: no package; run pip.")
    assert "–" in render("title", "lead", [section])


def test_it_has_one_place_in_the_report_and_is_printed(capsys):
    titles = [section.title for section in result_sections({"self_check": CHECK}, 10)]
    assert titles == ["Self-check, without labels"]
    print_results({"self_check": CHECK}, 10)
    printed = capsys.readouterr().out
    assert "verdict" in printed and "Poor: in one sentence." in printed
    assert max(map(len, printed.splitlines())) <= 100


def test_its_numbers_stand_beside_those_of_other_runs():
    own = {key.partition(".")[2] for key in METRICS if key.startswith("self_check.")}
    assert own == {"warp_error_percent", "follow", "same_spot"}
