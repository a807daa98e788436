"""What holds for every kind of rendered pictures: pure, the same in bulk, kept under their name."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from c3jax.files.errors import DataError
from data_pipelines.rendered import faces, objects, rooms
from data_pipelines.rendered.engine import arrays, sheet
from data_pipelines.rendered.objects import pair_scene

SOME = ("plane", "mug")
SCENES = {"faces": faces.SCENE, "objects": objects.scene_of(SOME), "rooms": rooms.SCENE}
EVERY = {
    "faces": faces.SCENE,
    "rooms": rooms.SCENE,
    **{name: objects.scene_of([name]) for name in objects.CATEGORIES},
}


@pytest.fixture(params=SCENES)
def scene(request):
    return SCENES[request.param]


def test_a_picture_is_a_function_of_its_arguments(scene):
    first, again = (scene.render("test", 5, size=32, seed=3) for _ in range(2))
    np.testing.assert_equal(first, again)
    others = ("test", 7, 3), ("test", 5, 4), ("train", 5, 3), ("validation", 5, 3)
    for split, index, seed in others:
        other = scene.render(split, index, size=32, seed=seed)
        assert (other["image"] != first["image"]).any()
        assert np.abs(other["keypoints"] - first["keypoints"]).max() > 1


@pytest.mark.parametrize("kind", EVERY)
def test_the_same_picture_at_another_size(kind):
    for index in range(2):
        small, large = (EVERY[kind].render("train", index, size=s, seed=0) for s in (60, 120))
        valid = small.get("keypoint_valid", np.ones(1, bool))
        np.testing.assert_array_equal(valid, large.get("keypoint_valid", valid))
        for name in {"keypoints", "points68"} & small.keys():
            first, second = 2 * (small[name] + 0.5), large[name] + 0.5
            np.testing.assert_allclose(first * valid[:, None], second * valid[:, None], atol=2e-3)
        halved = large["image"].reshape(60, 2, 60, 2, 3).mean((1, 3))
        assert np.abs(halved - small["image"]).mean() < 8
        if "mask" in small:
            agree = large["mask"].reshape(60, 2, 60, 2).mean((1, 3)).round() == small["mask"]
            assert agree.mean() > 0.97


@functools.cache
def picture_of(kind, index):
    """One of 64 px, rendered once."""
    return EVERY[kind].render("train", index, size=64, seed=0)


@pytest.mark.parametrize("kind", EVERY)
def test_pictures_use_the_range_of_brightness(kind):
    images = [picture_of(kind, index)["image"] for index in range(12)]
    images = np.stack(images).astype(np.float32)
    assert 70 < images.mean() < 170 and (images.std((1, 2, 3)) > 12).mean() > 0.9


@pytest.mark.parametrize("kind", [kind for kind in EVERY if kind != "rooms"])
def test_mask_surface_depth_and_box_agree(kind):
    for index in range(6):
        picture = picture_of(kind, index)
        mask = picture["mask"]
        np.testing.assert_array_equal(np.isfinite(picture["surface"]).all(-1), mask)
        if "depth" in picture:
            np.testing.assert_array_equal(np.isfinite(picture["depth"]), mask)
        rows, columns = np.nonzero(mask)
        box = [columns.min(), rows.min(), columns.max(), rows.max()]
        np.testing.assert_array_equal(picture["box"], box)
        assert 0.01 < mask.mean() < 0.95


def test_fields_have_their_shapes_and_types(scene):
    picture = scene.render("validation", 0, size=20, seed=0)
    picture.pop("vertices_px", None)
    found = {n: np.dtype((np.asarray(v).dtype, np.shape(v))) for n, v in picture.items()}
    assert found == scene.specs(20) and scene.large < found.keys()


def test_the_number_of_processes_changes_nothing(scene, monkeypatch, capfd):
    monkeypatch.setattr(arrays, "CHUNK", 4)
    direct = arrays.load(scene, "train", 7, size=16, workers=1, progress=False)
    np.testing.assert_equal(arrays.load(scene, "train", 7, size=16, workers=2), direct)
    assert capfd.readouterr().err == ""  # no warning of a process, in a file no bar so soon
    for index in (0, 6):
        picture = scene.render("train", index, size=16, seed=0)
        for name, values in direct.items():
            np.testing.assert_array_equal(values[index], picture[name], err_msg=name)


def test_folders_are_named_after_all_that_the_pictures_depend_on(tmp_path):
    options = {"size": 16, "cache_dir": tmp_path, "progress": False}
    for module in (faces, objects, rooms):
        module.load_arrays("train", 3, fields=["keypoints"], **options)
    objects.load_pairs("test", 3, seed=1, categories=list(SOME), **options)
    all_objects, some = objects.scene_of(objects.CATEGORIES), objects.scene_of(SOME)
    assert {folder.name for folder in tmp_path.iterdir()} == {
        f"rendered_faces-16px-train-3-seed0-{faces.SCENE.digest}",
        f"rendered_rooms-16px-train-3-seed0-{rooms.SCENE.digest}",
        f"rendered_objects-all-16px-train-3-seed0-{all_objects.digest}",
        f"rendered_objects-plane+mug-16px-test-4-seed1-{some.digest}",
        f"rendered_object_pairs-plane+mug-16px-test-3-seed1-{pair_scene(SOME, 3).digest}",
    }


def test_the_digest_follows_the_source_of_package_and_engine(tmp_path, monkeypatch):
    monkeypatch.setattr(arrays, "ENGINE", tmp_path / "data/pictures/engine")
    found = set()
    for file in ("engine/film.py", "rooms/camera.py", "rooms/parts/bed.py"):
        path = tmp_path / "data/pictures" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("light = 1")
        found.add(arrays._digest.__wrapped__("data.pictures.rooms"))
    assert len(found) == 3


def test_rendering_imports_neither_jax_nor_tensorflow():
    code = (
        "import sys; from data_pipelines.rendered import faces, objects, rooms;"
        "faces.render_face('train', 0, size=16); objects.render_object('train', 0, size=16);"
        "rooms.render_room('train', 0, size=16);"
        "print(*sorted({m.split('.')[0] for m in sys.modules} & {'jax', 'jaxlib', 'flax',"
        "'tensorflow', 'tensorflow_datasets', 'scipy', 'PIL', 'joblib', 'tyro'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


def test_a_contact_sheet_is_written(scene, tmp_path, monkeypatch, capsys):
    out = tmp_path / "sheet.png"
    arguments = f"--out {out} --rows 2 --columns 3 --size 16 --split test --seed 2 --start 4"
    monkeypatch.setattr(sys, "argv", ["sheet", *arguments.split()])
    sheet.main(scene)
    shown = np.asarray(Image.open(out))
    assert shown.shape == (32, 48, 3)
    fourth = scene.render("test", 7, size=16, seed=2)["image"]
    np.testing.assert_array_equal(shown[16:, :16], fourth)
    assert f"2 x 3 test {scene.noun} of 16 px" in capsys.readouterr().out


@pytest.mark.parametrize("module", [faces, objects, rooms])
def test_refusals(module):
    for arguments, options, message in [
        (("dev", 2), {}, "split: expected one of .*'dev'"),
        (("train", 0), {}, "count 0"),
        (("train", 2), {"size": 8}, "size 8"),
        (("train", 2), {"fields": ["vertices_px"]}, "'vertices_px'"),
    ]:
        with pytest.raises(DataError, match=message):
            module.load_arrays(*arguments, **options)
    render = {faces: faces.render_face, objects: objects.render_object, rooms: rooms.render_room}
    for arguments, size, message in [
        (("dev", 0), 64, "split: expected one of .*'dev'"),
        (("train", -1), 64, "index -1"),
        (("train", 0), 8, "size 8"),
    ]:
        with pytest.raises(DataError, match=message):
            render[module](*arguments, size=size)
