"""`c3jax demo`: what it serves, and where."""

from c3jax import inference
from c3jax.tools import demo
from tests.experiments.tiny import LANDMARKS, call


def test_a_port_that_is_taken_is_refused(capsys):
    with demo.listen(0) as taken:
        host, port = taken.getsockname()
        assert host == "127.0.0.1"
        assert call(demo.main, "--port", port) == 2
    assert f"error: --port {port}: Address already in use; give another" in capsys.readouterr().err
    assert call(demo.main, "--port", 70000) == 2
    assert "error: --port must lie in 0 to 65535, got 70000" in capsys.readouterr().err


def test_packages_that_are_missing_are_named(monkeypatch, capsys):
    monkeypatch.setattr(demo, "find_spec", lambda name: None)
    assert call(demo.main) == 2
    said = capsys.readouterr().err
    assert 'needs fastapi and uvicorn and python_multipart: pip install "c3jax[demo]"' in said


def test_a_folder_without_a_model_is_refused(tmp_path, capsys):
    assert call(demo.main, tmp_path / "nowhere", "--port", 0) == 2
    assert "nowhere/model.safetensors: no such file" in capsys.readouterr().err


def test_where_a_model_matches_nothing_the_shipped_aligner_does(exported, tmp_path, monkeypatch):
    monkeypatch.setattr(inference, "SHIPPED", tmp_path)
    (tmp_path / "aligner").symlink_to(exported("semantic_alignment"))
    found = demo.load_models(exported("c3_faces"))
    assert found.detector.network.num_landmarks == LANDMARKS
    assert found.detector_name == str(exported("c3_faces"))
    assert found.aligner_name == "the aligner that comes with c3jax"
    matches = demo.load_models(tmp_path / "aligner")
    assert matches.detector is None and matches.aligner_name == str(tmp_path / "aligner")
