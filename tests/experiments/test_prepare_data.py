"""`python -m experiments.data prepare`: what it says, and with which status it ends."""

import pytest

from experiments import data
from tests.data_pipelines.published_files import write
from tests.experiments.tiny import call


@pytest.fixture
def prepare(tmp_path, monkeypatch, capsys):
    """`prepare(*arguments)` returns the status and what is said."""
    monkeypatch.chdir(tmp_path)

    def prepare(*arguments):
        status = call(data.main, "prepare", *arguments)
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return status, told.err if status else told.out

    return prepare


def test_where_everything_is_and_how_much_is_told(prepare, tmp_path, monkeypatch):
    pytest.importorskip("tensorflow_datasets")
    write("spair", tmp_path / "data/spair", monkeypatch)
    status, said = prepare("spair")
    assert status == 0
    first, files, place = said.splitlines()
    assert first == "SPair-71k (0.3 GB; licence: non-commercial research only)"
    assert files == "files: data/spair"
    assert place.startswith("in place: data/prepared/spair/")
    assert place.endswith(" (train 4, val 2, test 2)")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["imagenet"], "'imagenet' is no data set; there are rendered_faces, "),
        (["labelled"], "labelled needs no preparation"),
        (["celeb_a"], "data/celeb_a/identity_CelebA.txt\n"),
        (["voc2012", "--path", "here"], "error: here: no files; needed: PASCAL VOC 2012"),
        ([], "NAME"),
    ],
)
def test_wrong_use_and_missing_files_end_with_2(prepare, arguments, said):
    status, told = prepare(*arguments)
    assert status == 2 and said in told
