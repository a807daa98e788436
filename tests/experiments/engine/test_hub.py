"""Weights from a hub that runs in this process: checked, resumed, locked, refused. No internet."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from safetensors.numpy import save

from c3jax.weights import load_resnet
from experiments.engine import hub
from experiments.engine.errors import UsageError
from experiments.engine.hub import HubError, Published, fetch
from experiments.engine.pretrained import Wanted, find_files
from tests.experiments.conftest import REPOSITORY

CONTENT = save({"other.weight": np.arange(60_000, dtype=np.float32)})
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "resnet101"  # of which no sha256 is pinned


class Hub(ThreadingHTTPServer):
    """Redirects to a store, as the real one does; the tests change how it behaves."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.content = CONTENT
        self.announced: str | None = SHA256
        self.ranges = True  # the store gives parts
        self.stop_after: int | None = None  # bytes of a body, then the connection breaks off
        self.page = self.status = None
        self.delay = 0.0
        self.asked: list[tuple[str, str | None]] = []
        self.lock = threading.Lock()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.server_port}"

    def stored(self):
        """Ranges that the store was asked for."""
        return [given for path, given in self.asked if path == "/store"]


class Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        hub = self.server
        with hub.lock:
            hub.asked.append((self.path, self.headers.get("Range")))
        if hub.page or hub.status:
            self.answer(hub.status or 200, hub.page or b"", {"Content-Type": "text/html"})
        elif self.path != "/store":
            tag = {"X-Linked-Etag": f'"{hub.announced}"'} if hub.announced else {}
            self.answer(302, b"", {"Location": "/store", **tag})
        else:
            self.store(hub)

    def store(self, hub):
        whole = len(hub.content)
        given = self.headers.get("Range") if hub.ranges else None
        start = int(given.removeprefix("bytes=").rstrip("-")) if given else 0
        if given and start >= whole:
            return self.answer(416, b"", {"Content-Range": f"bytes */{whole}"})
        part = {"Content-Range": f"bytes {start}-{whole - 1}/{whole}"} if given else {}
        self.answer(206 if given else 200, hub.content[start:], part, hub.stop_after)

    def answer(self, status, body, headers, stop_after=None):
        self.send_response(status)
        for name, value in {"ETag": '"abc"', **headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[:1000])
        self.wfile.flush()
        time.sleep(self.server.delay if body else 0)
        self.wfile.write(body[1000:stop_after])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    with Hub() as hub:
        thread = threading.Thread(target=hub.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("HF_ENDPOINT", f"{hub.endpoint}/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE")
        yield hub
        hub.shutdown()
        thread.join()


@pytest.fixture
def pinned(monkeypatch):
    """`pinned(sha256)` pins it."""

    def pin(sha256):
        monkeypatch.setitem(hub.PUBLISHED, NAME, Published("timm/x", "0123abc", sha256))

    return pin


@pytest.fixture
def part(tmp_path):
    return tmp_path / f"{NAME}.safetensors.part"


def refuse(folder, match):
    with pytest.raises(HubError, match=match):
        fetch(NAME, folder)
    assert not (folder / f"{NAME}.safetensors").exists()


def test_a_file_is_fetched_once_and_the_address_told(server, tmp_path, capsys):
    target = fetch(NAME, tmp_path / "new")
    assert target == tmp_path / "new" / f"{NAME}.safetensors" and target.read_bytes() == CONTENT
    address = f"{server.endpoint}/timm/resnet101.tv_in1k/resolve/main/model.safetensors"
    assert capsys.readouterr().out == f"fetching {address} to {target}\n"
    assert fetch(NAME, tmp_path / "new") == target
    assert server.stored() == [None] and not list((tmp_path / "new").glob("*.part"))
    assert capsys.readouterr().out == ""


def test_a_pinned_revision_and_sha256_are_asked_for_and_need_no_announcement(
    server, tmp_path, pinned
):
    pinned(SHA256)
    server.announced = None
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert server.asked[0][0] == "/timm/x/resolve/0123abc/model.safetensors"


@pytest.mark.parametrize("pin", [True, False])
def test_a_wrong_sha256_is_refused_and_nothing_is_kept(server, tmp_path, pinned, part, pin):
    wrong = "0" * 64
    if pin:
        pinned(wrong)
    else:
        server.announced = wrong
    refuse(tmp_path, f"has sha256 {SHA256}, and {wrong} was expected")
    assert not part.exists()


def test_without_any_sha256_nothing_is_accepted(server, tmp_path):
    server.announced = None
    refuse(tmp_path, "no sha256 is known, and the server announces none")


def test_what_breaks_off_is_kept_and_resumed(server, tmp_path, part):
    server.stop_after = 100_000
    refuse(tmp_path, "it broke off")
    assert part.read_bytes() == CONTENT[:100_000]
    server.stop_after = None
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert server.stored() == [None, "bytes=100000-"]


def test_without_ranges_the_file_is_fetched_from_its_beginning(server, tmp_path, part):
    part.write_bytes(CONTENT[:5000])
    server.ranges = False
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "begun", [b"of another file", CONTENT + b"more"], ids=["another", "longer"]
)
def test_a_part_of_another_file_is_fetched_anew(server, tmp_path, part, begun):
    part.write_bytes(begun)
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert server.stored() == [f"bytes={len(begun)}-", None]


def test_a_part_that_is_whole_is_not_fetched_again(server, tmp_path, part):
    part.write_bytes(CONTENT)
    assert fetch(NAME, tmp_path).read_bytes() == CONTENT
    assert server.stored() == [f"bytes={len(CONTENT)}-"]


def test_a_page_and_an_error_status_are_refused_and_the_part_kept(server, tmp_path, part):
    part.write_bytes(CONTENT[:5000])
    server.page = b"<!DOCTYPE html>please log in"
    refuse(tmp_path, r"is a page \(text/html\), not the file")
    server.page, server.status = None, 404
    refuse(tmp_path, "resnet101.tv_in1k/resolve/main/model.safetensors: HTTP status 404")
    assert part.read_bytes() == CONTENT[:5000]


def test_no_server_and_no_web_address_are_refused(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    refuse(tmp_path, "http://127.0.0.1:1/timm/.*: no connection")
    monkeypatch.setenv("HF_ENDPOINT", "file:///etc")
    refuse(tmp_path, "HF_ENDPOINT must begin with https:// or http://, got file:///etc/timm")


def test_two_processes_at_once_fetch_one_whole_file(server, tmp_path):
    server.delay = 0.5
    code = (
        "import sys; from pathlib import Path; from experiments.engine.hub import fetch\n"
        f"fetch({NAME!r}, Path(sys.argv[1]))\n"
        "assert not {'jax', 'c3jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    options = {"cwd": REPOSITORY, "stdout": subprocess.PIPE, "text": True, "env": os.environ}
    processes = [subprocess.Popen(command, **options) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert (tmp_path / f"{NAME}.safetensors").read_bytes() == CONTENT
    assert server.stored() == [None]
    assert "".join(said).count("fetching") == 1


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("C3JAX_WEIGHTS", raising=False)
    return tmp_path / ".cache" / "c3jax"


def find(path=None, name=NAME):
    return find_files({"trunk": Wanted(name, path, "--model.weights")})["trunk"]


def test_files_are_found_by_path_then_in_the_folders_then_on_the_hub(server, cache, tmp_path):
    given = tmp_path / "model.pth"
    given.touch()
    assert find(given) == given
    assert server.asked == []
    assert find() == cache / f"{NAME}.safetensors"
    assert find() == cache / f"{NAME}.safetensors" and server.stored() == [None]
    (cache / f"{NAME}.npz").touch()
    assert find() == cache / f"{NAME}.npz"


def test_what_is_fetched_goes_to_the_folder_that_is_named(server, cache, tmp_path, monkeypatch):
    (tmp_path / "named").mkdir()
    monkeypatch.setenv("C3JAX_WEIGHTS", str(tmp_path / "named"))
    assert find() == tmp_path / "named" / f"{NAME}.safetensors"


def test_a_file_with_other_keys_is_refused_by_key_when_it_is_loaded(server, cache, monkeypatch):
    monkeypatch.setitem(hub.PUBLISHED, "resnet18", Published("timm/x"))
    with pytest.raises(ValueError, match="resnet18.safetensors: unexpected key 'other.weight'"):
        load_resnet(find(name="resnet18"), "resnet18")


def test_offline_one_error_names_files_addresses_and_options(server, cache, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("HF_ENDPOINT")
    wanted = {
        "trunk": Wanted("resnet50", None, "--model.weights"),
        "perceptual": Wanted("vgg19", None, "--model.perceptual-weights"),
    }
    with pytest.raises(UsageError) as refused:
        find_files(wanted)
    message = str(refused.value)
    for part in (
        "resnet50 (--model.weights FILE) and vgg19 (--model.perceptual-weights FILE)",
        "HF_HUB_OFFLINE forbids it. Put",
        f"{hub.ENDPOINT}/timm/resnet50.tv_in1k/resolve/{hub.PUBLISHED['resnet50'].revision}/"
        "model.safetensors as resnet50.safetensors",
        f"{hub.ENDPOINT}/timm/vgg19.tv_in1k/resolve/main/model.safetensors as vgg19.safetensors",
        "~/.cache/c3jax or the folder that C3JAX_WEIGHTS names",
    ):
        assert part in message
    assert message.count("HF_HUB_OFFLINE") == 1 and server.asked == []


def test_every_architecture_that_can_be_wanted_is_published():
    assert set(hub.PUBLISHED) == {"resnet18", "resnet50", "resnet101", "vgg16", "vgg19"}
    for name, (repository, revision, sha256) in hub.PUBLISHED.items():
        assert repository == f"timm/{name}.tv_in1k"
        assert (revision == "main") == (sha256 is None)
        assert revision == "main" or len(revision) == 40 and len(sha256) == 64
