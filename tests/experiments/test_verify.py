"""`python -m experiments.data`: exactly what training would refuse is listed, by name."""

import json
import sys
import types
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from c3jax.files.folder import find_folder, load_folder
from data_pipelines.readers import celeb_a
from experiments import data
from tests.data_pipelines.conftest import bad_files, tolerated_files, write_all
from tests.experiments.celeb_a_files import write_celeb_a
from tests.experiments.conftest import write_pictures
from tests.experiments.tiny import call, write_labelled

BAD = {name: content for name, (content, _) in bad_files().items()}


@pytest.fixture
def verify(tmp_path, monkeypatch, capsys):
    """`verify(*arguments)` returns status, what is listed (file: reason), and what is said."""
    monkeypatch.chdir(tmp_path)

    def verify(*arguments):
        status = call(data.main, "verify", *arguments)
        said = capsys.readouterr()
        if status == 2:
            return status, {}, said.err
        report = json.loads((tmp_path / "verify.json").read_text())
        listed = {fault["file"]: fault["reason"] for fault in report["faults"]}
        assert all(f"{file}: {why}\n" in said.out for file, why in listed.items())
        assert "report: verify.json" in said.out
        return status, listed, said.out

    return verify


def test_exactly_the_planted_files_are_listed(verify, tmp_path):
    folder = write_all(tmp_path, BAD | tolerated_files())
    (folder / "notes.txt").write_text("none")
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    status, listed, said = verify(folder)
    assert status == 1 and listed.keys() == BAD.keys()
    assert listed == dict(load_folder(find_folder(folder), size=16).skipped)  # as training does
    assert "50 megapixels" in listed["bomb.png"] and listed["empty.jpg"] == "an empty file"
    assert (
        f"{len(BAD)} of {len(BAD | tolerated_files())} listed" in said
        and "no pictures: 1 .txt" in said
    )
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_a_clean_folder_ends_with_0(verify, tmp_path):
    status, listed, said = verify(write_pictures(tmp_path / "photos", 3), "--workers", 2)
    assert (status, listed) == (0, {})
    assert "photos (3 pictures; labels: none)" in said and "all sound" in said


def test_pictures_without_a_row_and_rows_without_a_picture_are_listed(verify, tmp_path):
    folder = write_labelled(tmp_path / "faces")
    table = folder / "landmarks.csv"
    header, first, *rows = table.read_text().splitlines()
    name = first.partition(",")[0]
    table.write_text("\n".join([header, *rows, first.replace(name, "gone.png")]) + "\n")
    status, listed, _ = verify(folder)
    assert status == 1
    assert listed == {name: "no labels (landmarks.csv)", "gone.png": "no such file"}
    table.rename(folder / "points.csv")
    assert verify(folder, "--landmarks-file", "points.csv")[1].keys() == {name, "gone.png"}
    assert verify(folder)[0] == 0  # without any labels, none are missing


@pytest.mark.parametrize("suffix", [".mat", ".pts"])
def test_pictures_and_annotations_beside_them_belong_together(verify, tmp_path, suffix):
    folder = write_pictures(tmp_path / "willow" / "car(S)", 3)
    for name in ("0", "1", "7"):
        (folder / f"{name}{suffix}").touch()
    _, listed, _ = verify(folder.parent)
    assert listed == {
        "car(S)/2.png": f"no labels (NAME{suffix} beside NAME.png)",
        "car(S)/7.png": "no such file",
    }


def test_celeb_a_in_place_is_verified_by_name(verify, tmp_path):
    write_celeb_a(tmp_path / "data" / "celeb_a")
    pictures = tmp_path / "data" / "celeb_a" / "img_align_celeba"
    assert verify("celeb_a")[0] == 0
    (pictures / "000003.jpg").write_bytes((pictures / "000003.jpg").read_bytes()[:900])
    (pictures / "000005.jpg").unlink()
    Image.new("RGB", (178, 218)).save(pictures / "999999.jpg")
    status, listed, said = verify("celeb_a")
    assert status == 1 and "data/celeb_a (41 pictures; labels: list_landmarks" in said
    assert "cannot be decoded" in listed.pop("000003.jpg")
    assert listed == {
        "000005.jpg": "no such file",
        "999999.jpg": "no labels (list_landmarks_align_celeba.txt)",
    }


def test_celeb_a_in_its_archive_is_verified_as_tfds_prepares_it(verify, tmp_path, monkeypatch):
    root = tmp_path / "data" / "celeb_a"
    write_celeb_a(root)
    pictures = root / celeb_a.PICTURES
    pictures.rename(tmp_path / "prepared")
    (tmp_path / "prepared" / "000002.jpg").write_bytes(b"")

    def open_celeb_a(folder, tables, *, prepared):
        assert (folder, prepared) == (Path("data/celeb_a"), Path("data"))
        return lambda name: (tmp_path / "prepared" / name).read_bytes()

    # Without TensorFlow, whose part is tested beside the pipeline.
    module = types.SimpleNamespace(open_celeb_a=open_celeb_a)
    monkeypatch.setitem(sys.modules, "data_pipelines.tfds", module)
    assert verify("celeb_a")[:2] == (1, {"000002.jpg": "an empty file"})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["absent"], "absent is no folder, and no data set of --cache data"),
        (["."], "no picture (.avif"),
        (["photos/0.png"], "0.png: a file, not a folder"),
        (["photos", "--report", "photos"], "--report must be a file that ends in .json"),
        (["photos", "--workers", "0"], "--workers must be at least 1, got 0"),
        (["photos", "--landmarks-file", "x.csv"], "x.csv: no such file"),
        ([], "NAME|PATH"),
    ],
)
def test_wrong_use_ends_with_2(verify, tmp_path, arguments, said):
    write_pictures(tmp_path / "photos", 1)
    if arguments == ["."]:
        (tmp_path / "photos" / "0.png").unlink()
    status, _, told = verify(*arguments)
    assert status == 2 and said in told and "Traceback" not in told


def test_help_tells_the_exit_status(verify, capsys):
    assert call(data.main, "verify", "--help") == 0
    assert "Exit status: 0 all sound, 1 files are listed, 2 wrong use" in capsys.readouterr().out


def test_an_archive_is_unpacked_and_a_bad_one_refused(tmp_path, capsys):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("sub/a.txt", "text")
    assert call(data.main, "unpack", tmp_path / "a.zip", tmp_path / "new") == 0
    assert (tmp_path / "new/sub/a.txt").read_text() == "text"
    assert f"unpacked: {tmp_path / 'new'}" in capsys.readouterr().out
    assert call(data.main, "unpack", tmp_path / "a.zip", tmp_path / "new") == 2
    assert "new: already there" in capsys.readouterr().err


def test_points_outside_their_picture_are_listed(verify, tmp_path):
    folder = write_labelled(tmp_path / "faces")
    table = folder / "landmarks.csv"
    header, first, *rows = table.read_text().splitlines()
    name, _, *others = first.split(",")
    table.write_text("\n".join([header, ",".join([name, "5000", *others]), *rows]) + "\n")
    status, listed, _ = verify(folder)
    assert status == 1 and listed.keys() == {name}
    assert "its point 1, (5000, " in listed[name] and "lies outside its 32x32" in listed[name]
