"""The page of `c3jax demo`: what it answers, and to whom."""

import base64
import io
import re
from types import SimpleNamespace

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from c3jax import to_pixels
from c3jax.tools import demo_page
from c3jax.tools.demo_page import Models, build_app
from c3jax.tools.models import load_both
from tests.experiments.tiny import LANDMARKS, smooth_picture

ADDRESS = "http://localhost:8000"
WIDE, TALL = (60, 20), (18, 90)


@pytest.fixture(scope="module")
def models(exported):
    """A tiny model that finds landmarks and matches pictures."""
    return Models(*load_both(exported("jlad")), "a detector", "an aligner")


@pytest.fixture(scope="module")
def client(models):
    """A browser on this computer."""
    return TestClient(build_app(models), base_url=ADDRESS)


def photo(size, seed=0):
    """A picture as a file, and its pixels."""
    picture, stream = smooth_picture(*size, seed), io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue(), np.asarray(picture)


def upload(**files):
    return {name: (f"{name}.png", data) for name, data in files.items()}


def size_of(src):
    kind, _, data = src.partition(",")
    assert kind == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data))).size


def answer(response):
    assert response.status_code == 200, response.text
    return response.json()


def points(rows):
    return np.array([[row["x"], row["y"]] for row in rows])


def test_landmarks_are_in_pixels_of_the_photo(client, models):
    data, pixels = photo(WIDE)
    said = answer(client.post("/landmarks", files=upload(picture=data)))
    expected = to_pixels(models.detector.landmarks([pixels])[0], pixels.shape[:2])
    assert len(said["landmarks"]) == LANDMARKS
    np.testing.assert_allclose(points(said["landmarks"]), expected, atol=1e-3)
    assert (said["width"], said["height"]) == size_of(said["src"]) == WIDE


def test_confidence_is_shown_where_the_model_has_it(models):
    found = SimpleNamespace(
        landmarks=np.array([[[0.0, 0.0], [1.0, -1.0]]], np.float32),
        confidence=np.array([[0.25, 1.0]], np.float32),
        spread_percent=None,
        object=np.array([False]),
    )
    detector = SimpleNamespace(find=lambda images: found)
    said = demo_page.find_landmarks(detector, np.zeros((21, 41, 3), np.uint8))
    assert said["landmarks"] == [
        {"x": 20, "y": 10, "confidence": 0.25},
        {"x": 40, "y": 0, "confidence": 1},
    ]
    assert said["object"] is False


def test_a_point_is_carried_and_the_source_is_warped(client, models):
    (source, a), (target, b) = photo(WIDE, 0), photo(TALL, 1)
    said = answer(client.post("/matches", files=upload(source=source, target=target)))
    assert size_of(said["source"]["src"]) == WIDE
    assert size_of(said["warped"]) == size_of(said["target"]["src"]) == TALL
    matches = models.aligner.align(a, b)
    carried = answer(client.get(f"/carry/{said['pair']}", params={"x": 30, "y": 12.5}))
    np.testing.assert_allclose(points([carried]), matches.carry([[30, 12.5]]), atol=1e-3)
    assert carried["score"] == pytest.approx(matches.confidence([[30, 12.5]])[0], abs=1e-3)
    outside = client.get(f"/carry/{said['pair']}", params={"x": 99, "y": 0})
    assert outside.status_code == 422 and "lies outside" in outside.json()["detail"]


def test_large_photos_are_warped_as_they_are_shown(models):
    (_, a), (_, b) = photo((1500, 300), 0), photo(WIDE, 1)
    found = models.aligner.align(a, b)
    warped = demo_page.warp_shrunken(found, demo_page.shrink(a), b)
    assert warped.shape == b.shape
    difference = np.abs(warped.astype(float) - found.warp_source(a))
    assert difference.mean() < 1  # of 255


def test_the_pairs_before_the_last_few_are_forgotten(client, models, monkeypatch):
    monkeypatch.setattr(demo_page, "KEPT", 1)
    files = upload(source=photo(WIDE)[0], target=photo(TALL)[0])
    keys = [answer(client.post("/matches", files=files))["pair"] for _ in range(2)]
    statuses = [client.get(f"/carry/{key}", params={"x": 0, "y": 0}).status_code for key in keys]
    assert statuses == [404, 200]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "picture.png: an empty file"),
        (b"<html>", "picture.png: not a picture (begins with b'<html>')"),
        (photo(WIDE)[0][:99], "picture.png: cannot be decoded"),
    ],
)
def test_a_broken_file_gets_a_sentence(client, data, reason):
    response = client.post("/landmarks", files=upload(picture=data))
    assert response.status_code == 422 and response.json()["detail"].startswith(reason)


def test_a_broken_photo_of_a_pair_is_named(client):
    files = upload(source=photo(WIDE)[0], target=b"<html>")
    assert client.post("/matches", files=files).json()["detail"].startswith("target.png: not a")


def test_large_files_are_refused_and_those_of_unknown_size_are_not_read(client, monkeypatch):
    data, _ = photo(WIDE)
    monkeypatch.setattr(demo_page, "MEGABYTES", (len(data) - 1) / 1e6)
    response = client.post("/landmarks", files=upload(picture=data))
    assert response.status_code == 413 and "picture.png is larger than" in response.json()["detail"]
    monkeypatch.setattr(demo_page, "MEGABYTES", len(data) / 1e6)
    assert client.post("/landmarks", files=upload(picture=data)).status_code == 200
    too_long = {"content-length": f"{10**9}"}
    assert client.post("/matches", content=b"", headers=too_long).status_code == 413
    assert client.post("/matches", content=iter([data])).status_code == 411


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example:8000", "192.168.0.7", ""])
def test_only_this_computer_is_answered(client, host):
    for path in ("/", "/about"):
        assert client.get(path, headers={"host": host}).status_code == 400
    assert client.get("/about", headers={"host": "127.0.0.1:8000"}).status_code == 200


def test_pages_of_others_get_nothing(client):
    for origin, status in ((ADDRESS, 200), ("http://evil.example", 403), ("null", 403)):
        data, _ = photo(WIDE)
        files, headers = upload(picture=data), {"origin": origin}
        assert client.post("/landmarks", files=files, headers=headers).status_code == status


def test_the_page_loads_nothing_from_elsewhere(client):
    response = client.get("/")
    addresses = set(re.findall(r"(?:https?:)?//[a-z][\w.]+", response.text))
    assert addresses == {"http://www.w3.org"}  # the name of SVG
    assert "default-src 'none'" in response.headers["content-security-policy"]
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert client.get(path).status_code == 404


def test_nothing_is_reported_to_collectors(models, monkeypatch):
    monkeypatch.setenv("FASTAPI_OTEL_AUTO_CONFIGURE", "true")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://localhost:4318")
    with TestClient(build_app(models), base_url=ADDRESS) as client:  # would fail to set it up
        assert client.get("/about").status_code == 200


def test_a_model_without_landmarks_shows_matches_alone(models):
    client = TestClient(build_app(models._replace(detector=None)), base_url=ADDRESS)
    assert answer(client.get("/about"))["detector"] is None
    assert client.post("/landmarks", files=upload(picture=photo(WIDE)[0])).status_code == 404
