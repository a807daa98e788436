"""What the readers of published files share, and what all of them refuse."""

import numpy as np
import pytest

from c3jax.files.catalogue import find
from c3jax.files.errors import DataError
from c3jax.files.published import box_of_points, hold_out_validation
from c3jax.files.tables import read_floats
from data_pipelines.preparation import NAMES
from data_pipelines.readers import celeb_a, reader_of
from tests.data_pipelines.published_files import COUNTS, write


def test_the_last_tenth_of_the_training_list_is_validation():
    rows = np.arange(10_122)
    train, validation = (rows[hold_out_validation(10_122, s)] for s in ("train", "validation"))
    assert (len(train), len(validation)) == (9_110, 1_012)  # IMM's split of AFLW
    assert np.concatenate([train, validation]).tolist() == rows.tolist()
    assert len(rows[hold_out_validation(10_122, "test")]) == 10_122


def test_a_box_of_points_goes_through_the_pixels_centres():
    # A pixel's centre is half a pixel within its edges.
    assert box_of_points(np.array([[2, 9], [4, 5], [3, 7]])) == (2.5, 5.5, 4.5, 9.5)


def test_numbers_are_read_or_named():
    assert read_floats("a.txt", ["1", "-2.5", "1e3"]) == [1, -2.5, 1000]
    for cell in ("x", "", "nan", "inf", "1,5"):
        with pytest.raises(DataError, match=f"a.txt: line 3: '{cell}' is not a number"):
            read_floats("a.txt: line 3", ["1", cell])


def read(name, folder, split):
    """All that the reader of a data set reads before its pictures."""
    if name == "celeb_a":
        return celeb_a.read_tables(folder)
    found = reader_of(name).read(folder, split)
    return found.objects(1) if name == "voc2012" else found


FAULTS = {  # what of a file is replaced by what, and what is said then
    ("aflw_mtfl", "test", "testing.txt"): [
        (" 1 2 2 3", "", "line 1 has 10 numbers after the picture, 14 are"),
        (" 1 2 2 3", " 1 2 2 3 4", "line 1 has 15 numbers"),
        ("test_0.jpg ", "test_0.jpg x", "line 1: 'x.*' is not a number"),
        ("test_0.jpg ", "test_0.jpg nan 1", "line 1"),
    ],
    ("w300", "common", "helen/testset/image_0 _1.pts"): [
        ("}", "", "truncated, its points are not in braces"),
        ("{", "", "truncated, its points are not in braces"),
        ("n_points:  68", "n_points:  66", "does not announce n_points: 68"),
        ("\n}", " 1.5\n}", "137 coordinates, 68 points have 136"),
        ("\n}", " x\n}", "'x' is not a number"),
    ],
    ("celeb_a", "", "list_landmarks_align_celeba.txt"): [
        ("40\n", "41\n", "announces '41' pictures, 40 follow"),
        ("000002.jpg ", "000002.jpg x", "line 4.*non-number"),
        ("000002.jpg ", "000002.jpg 1 ", "line 4 is"),
    ],
    ("celeb_a", "", "list_eval_partition.txt"): [
        ("000007.jpg 0\n", "", "no line for 000007.jpg"),
        ("000007.jpg", "000006.jpg", "line 7 is '000006.jpg 0'"),
    ],
    ("celeb_a", "", "identity_CelebA.txt"): [("3.jpg 0", "3.jpg", "line 3 is '000003.jpg'")],
    ("celeb_a", "", "MAFL/testing.txt"): [
        ("000021.jpg", "000013.jpg", "000013.jpg is in both"),
        ("000021.jpg", "999999.jpg", "999999.jpg of MAFL is not in"),
        ("".join(f"0000{number}.jpg\n" for number in range(21, 25)), "", "testing.txt one"),
    ],
    ("spair", "val", "PairAnnotation/val/000000-2008_000001-2008_000002:aeroplane.json"): [
        ('"category"', '"class"', "no field 'category'"),
        ('"src_bndbox": [1,', '"src_bndbox": [', "cannot be read as a pair annotation"),
        ('"src_kps": [[1', '"src_kps": [["x"', "cannot be read as a pair annotation"),
        ("}", "", "cannot be read as a pair annotation"),
        ("[29, 19]", "[49, 19]", "point 2 of the source, .49, 19., lies outside"),
    ],
    ("pf_pascal", "val", "val_pairs.csv"): [
        ("2008_000002.jpg,1", "2008_000002.jpg", "row 1 has 2 columns, its header 3"),
        (",class", ",category", "the header is .*needed: source_image,target_image,class"),
    ],
    ("pf_pascal", "test", "test_pairs.csv"): [
        (",XA,", ",X,", "the header is"),
        ("jpg,1,", "jpg,21,", "row 1, column 'class': '21' is not 1 to 20"),
        (",1.25;30.0,", ",1.25;x,", "row 1, column 'XA': .* is not numbers"),
        (",1.25;", ",", "row [0-9]+: XA, YA, XB and YB differ in length"),
    ],
    ("voc2012", "train", "Annotations/2007_train000001.xml"): [
        ("</annotation>", "", "cannot be read as XML"),
        ("person", "persona", "'persona' is none of the 20 classes"),
        ("<xmax>20", "<xmax>x", "'x' is not a number"),
        ("<ymin>3</ymin>", "", "'' is not a number"),
    ],
}
CASES = [(*where, *fault) for where, faults in FAULTS.items() for fault in faults]


@pytest.mark.parametrize(("name", "split", "file", "old", "new", "said"), CASES)
def test_a_faulty_file_is_refused_by_line_or_field(
    tmp_path, monkeypatch, name, split, file, old, new, said
):
    write(name, tmp_path, monkeypatch)
    path = tmp_path / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    named = path.parent.name if "MAFL" in file else path.name
    with pytest.raises(DataError, match=f"{named}.*{said}"):
        read(name, tmp_path, split)


@pytest.mark.parametrize(
    ("name", "split", "said"),
    [
        ("aflw", "train", "images.txt: 10 faces, 10,122 are published"),
        ("aflw", "test", "images.txt: 2 faces, 2,991 are published"),
        ("aflw_mtfl", "train", "training.txt: 10 faces, 10,000 or 10,122 are published"),
        ("aflw_mtfl", "test", "testing.txt: 2 faces, 2,995 are published"),
        ("w300", "train", "afw: 1 faces, 337 are published"),
        ("pf_pascal", "test", "test_pairs.csv: 2 pairs, 299 are published"),
        ("spair", "train", "trn.txt: 4 pairs, 53,340 are published"),
        ("voc2012", "train", "train.txt: 2 pictures, 1,464 are published"),
    ],
)
def test_the_published_numbers_are_asked_for(tmp_path, name, split, said):
    with pytest.MonkeyPatch.context() as patch:
        write(name, tmp_path, patch)
    with pytest.raises(DataError, match=f"{said}; download it anew"):
        read(name, tmp_path, split)


@pytest.mark.parametrize("name", ["aflw", "aflw_mtfl", "pf_pascal", "spair", "pf_willow"])
def test_the_folder_above_that_of_the_archive_will_do(tmp_path, monkeypatch, name):
    write(name, tmp_path / find(name).archives[0].folder, monkeypatch)
    assert len(read(name, tmp_path, "test")) == COUNTS[name]["test"]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "celeb_a"])
def test_what_is_missing_and_unknown_splits_are_refused(tmp_path, name):
    with pytest.raises(DataError, match="split is 'trn'; it must be one of "):
        read(name, tmp_path, "trn")
    with pytest.raises(DataError, match="(?s)incomplete.*put these in place|no such f"):
        read(name, tmp_path / "nowhere", [*reader_of(name).SPLITS][-1])
