"""Saving, loading and applying aligners; matches in pixels of pictures of any shape."""

import json
from dataclasses import asdict, replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from PIL import Image

from c3jax import (
    correlation_4d,
    gaussian_kernel,
    inference,
    match_scores,
    mutual_matching,
    separable_conv4d,
    transformation_map,
)
from c3jax.coordinates import numpy_grid
from c3jax.inference import Matches, Reading
from c3jax.models import ResNet
from c3jax.models.families import from_config
from c3jax.weights import load_resnet
from tests.data_pipelines.pair_files import squash
from tests.experiments.tiny import random_tree
from tests.reference.resnet import random_weights

SIZE = 32
MODEL = {
    "family": "aligner",
    "trunk": {"architecture": "small", "output_stride": 16, "stages": ["layer1"]},
    "flow": {"channels": [1], "linear": True},
    "stages": ["layer1"],
}
CONFIG = {
    "model": MODEL,
    "image_size": SIZE,
    "resize": "antialias",
    "reading": asdict(Reading(match="hard")),
    "trained_on": {"data": "nothing"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    init = from_config(MODEL).init
    variables = random_tree(jax.eval_shape(init, jax.random.key(0), image, image))
    folder = tmp_path_factory.mktemp("model")
    inference.save(folder, variables, CONFIG, dtype="float32")
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return inference.load_aligner(folder)


def picture(height, width, seed=0):
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 5, 3), np.uint8)
    size = (width, height)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC))


def mirrored(source_shape=(21, 41), target_shape=(101, 11)):
    """Matches of pictures that are each other's mirror images, left to right, on 3x5 cells."""
    cells = numpy_grid((3, 5)) * [-1, 1]
    half = np.full((3, 5), 0.5)
    return Matches(source_shape, target_shape, cells, cells, half, half)


def test_a_model_matches_as_its_network_does(model):
    images = [picture(SIZE, SIZE, seed) for seed in (0, 1)]
    found = model.align(*images)
    batch = np.stack(images).astype(np.float32) / 255
    refined = jax.jit(model.network.apply)(model.variables, batch[:1], batch[1:])
    relative = refined / refined.max()
    for over, places, confidence in (
        ("target", found.to_target, found.source_confidence),
        ("source", found.to_source, found.target_confidence),
    ):
        scores = match_scores(relative, over=over, temperature=0.05)
        np.testing.assert_allclose(places, transformation_map(scores, over=over)[0], atol=1e-5)
        best = scores.max((-2, -1) if over == "target" else (-4, -3))
        np.testing.assert_allclose(confidence, best[0], rtol=1e-3)


def test_nc_net_is_an_aligner_too(tmp_path):
    described = MODEL | {"family": "nc_net", "flow": {"channels": [1], "kernel_size": 3}}
    image = jax.ShapeDtypeStruct((1, SIZE, SIZE, 3), np.float32)
    init = from_config(described).init
    variables = random_tree(jax.eval_shape(init, jax.random.key(0), image, image))
    inference.save(tmp_path, variables, CONFIG | {"model": described})
    found = inference.load_aligner(tmp_path).align(picture(40, 20), picture(20, 40, 1))
    assert found.to_target.shape == (8, 8, 2)


def test_a_description_is_kept(model):
    assert (model.image_size, model.resize) == (SIZE, "antialias")
    assert model.reading == Reading(match="hard") and model.trained_on == {"data": "nothing"}


def test_a_picture_matches_itself_whatever_its_shape(model):
    kernel = replace(model, reading=Reading(match="hard", temperature=1e-3))
    image = picture(90, 30)
    found = kernel.align(image, image)
    np.testing.assert_allclose(found.to_target, found.to_source, atol=1e-6)
    np.testing.assert_array_equal(found.source_confidence, found.target_confidence)


def test_pictures_of_very_different_shapes_are_matched_as_their_squares(model):
    tall, wide = picture(300, 20, 0), picture(16, 240, 1)
    found = model.align(tall, wide)
    squares = [squash(image, SIZE, "antialias") for image in (tall, wide)]
    of_squares = model.align(*squares)
    agree = np.abs(found.to_target - of_squares.to_target).max(-1) < 1e-5
    assert agree.mean() > 0.9  # a square here is not rounded to 8 bits
    assert found.source_shape == (300, 20) and found.target_shape == (16, 240)
    source_px, target_px = found.cells_px()
    assert source_px.max(0).tolist() == [19, 299] and (target_px.max(0) <= [239, 15]).all()


@pytest.mark.parametrize("resize", ["antialias", "align_corners"])
@pytest.mark.parametrize("shape", [(32, 32), (90, 30), (20, 50)])
def test_squares_are_those_of_training(shape, resize):
    image = picture(*shape)
    ours, theirs = inference.squash(image, 32, resize=resize), squash(image, 32, resize)
    np.testing.assert_allclose(ours * 255, theirs, atol=1.01)  # 8 bits, Pillow's two roundings


def test_points_are_carried_in_pixels_of_their_own_pictures():
    matches = mirrored()
    points_px = [[0, 0], [40, 20], [10, 5]]
    carried = [[10, 0], [0, 100], [7.5, 25]]
    np.testing.assert_allclose(matches.carry(points_px), carried, atol=1e-9)
    np.testing.assert_allclose(matches.carry(carried, back=True), points_px, atol=1e-9)
    np.testing.assert_array_equal(matches.confidence(points_px), [0.5] * 3)


def test_points_on_the_outer_half_of_border_pixels_are_read_at_their_centres():
    matches = mirrored()
    np.testing.assert_allclose(matches.carry([[-0.5, 20.5]]), matches.carry([[0, 20]]))


def test_cells_are_listed_row_by_row():
    source_px, target_px = mirrored().cells_px()
    assert source_px[1].tolist() == [10, 0] and source_px[5].tolist() == [0, 10]
    np.testing.assert_allclose(target_px[1], [7.5, 0])


def test_cells_that_come_back_are_mutual():
    matches = mirrored()
    assert matches.mutual().all()
    lost = replace(matches, to_source=np.full((3, 5, 2), -1.0))  # all to the upper left corner
    np.testing.assert_array_equal(np.argwhere(lost.mutual()), [[0, 0], [0, 1], [1, 0], [1, 1]])


def test_a_warped_source_lies_on_the_target():
    source = picture(21, 41)
    warped = mirrored(target_shape=(21, 41)).warp_source(source)
    np.testing.assert_array_equal(warped, source[:, ::-1])
    assert mirrored().warp_source(source / 255).shape == (101, 11, 3)
    with pytest.raises(ValueError, match=r"source must be \(21, 41\) px, got \(20, 41\)"):
        mirrored().warp_source(source[1:])


@pytest.mark.parametrize(
    ("points_px", "back", "named"),
    [
        ([[3, 4], [41, 3]], False, r"points_px\[1\], \(41.0, 3.0\), .* the 41x21 pixels of the so"),
        ([[3, -1]], True, r"points_px\[0\], \(3.0, -1.0\), .* the 11x101 pixels of the target"),
        ([[np.nan, 1]], False, r"points_px\[0\], \(nan, 1.0\), lies outside"),
        ([1, 2], False, r"points_px must have shape \[K, 2\], got \(2,\)"),
    ],
)
def test_points_that_are_in_no_picture_are_refused(points_px, back, named):
    with pytest.raises(ValueError, match=named):
        mirrored().carry(points_px, back=back)


def test_what_is_no_picture_is_refused(model):
    image = picture(20, 20)
    with pytest.raises(ValueError, match=r"target must have shape \[H, W, 3\], got \(20, 20\)"):
        model.align(image, image[..., 0])
    with pytest.raises(ValueError, match=r"got \[0, 255\] in source|lie in \[0, 1\].* in source"):
        model.align(image.astype(float), image)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"crop": "pad"}, r"unknown fields \['crop'\]"),
        ({"resize": "crop"}, "resize must be one of .*got 'crop'"),
        ({"reading": {"match": "soft"}}, "match must be one of .*got 'soft'"),
        ({"reading": {"sharp": 1}}, "the field 'reading' does not fit: .*sharp"),
    ],
)
def test_a_faulty_description_is_refused(folder, tmp_path, fields, named):
    config = json.loads((folder / "config.json").read_text()) | fields
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    with pytest.raises(ValueError, match=named):
        inference.load_aligner(tmp_path)


def test_a_model_of_the_other_kind_is_refused(folder):
    with pytest.raises(ValueError, match="finds no landmarks: it matches pictures; use load_al"):
        inference.load(folder)


def test_the_untrained_block_is_the_gaussian_on_the_weights(tmp_path):
    file = tmp_path / "resnet18.npz"
    np.savez(file, **random_weights("resnet18"))
    model = inference.gaussian_aligner(file, "resnet18", image_size=48)
    images = [picture(48, 48, seed) for seed in (0, 1)]
    trunk = ResNet("resnet18", output_stride=16, stages=("layer3",))
    variables = load_resnet(file, "resnet18", stages=("layer3",))

    @jax.jit
    def smoothed(images):
        source, target = jnp.split(trunk.apply(variables, images)["layer3"], 2)
        gaussian = gaussian_kernel(5, stddev=1.0)[:, :, None, None]
        volume = mutual_matching(correlation_4d(source, target))[..., None]
        return mutual_matching(separable_conv4d(volume, gaussian, gaussian)[..., 0])

    volume = smoothed(np.stack(images) / np.float32(255))
    # N(c) + N(c^T)^T doubles it, and reading is relative to the largest.
    expected, found = Reading().read(volume), model.align(*images)
    np.testing.assert_allclose(found.to_target, expected.to_target[0], atol=1e-3)
    np.testing.assert_allclose(found.target_confidence, expected.target_confidence[0], atol=1e-3)
    assert model.image_size == 48 and "resnet18" in model.trained_on["trunk"]


def test_the_untrained_block_needs_weights_of_the_network(tmp_path):
    with pytest.raises(ValueError, match="none.npz: no such file"):
        inference.gaussian_aligner(tmp_path / "none.npz", "resnet18")
    with pytest.raises(ValueError, match="architecture must be one of .*got 'vgg16'"):
        inference.gaussian_aligner(tmp_path / "none.npz", "vgg16")
    with pytest.raises(ValueError, match="resize must be one of"):
        inference.gaussian_aligner(tmp_path / "none.npz", "resnet18", resize="crop")
