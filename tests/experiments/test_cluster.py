"""The files for clusters: they are well formed, and what they start finds its place."""

import os
import re
import signal
import string
import subprocess
from pathlib import Path

import pytest

from experiments.engine import processes

CLUSTER = Path(__file__).parents[2] / "cluster"
FILES = sorted(CLUSTER.iterdir())
JOB = {
    "NAME": "big",
    "EXPERIMENT": "c3_faces",
    "ARGS": "--preset paper",
    "IMAGE": "registry/c3jax:1",
    "CLAIM": "shared",
    "NODES": "2",
    "GPUS": "4",
}
UNTIL_DONE = CLUSTER / "until_done.sh"


def parse(text):
    return pytest.importorskip("yaml").safe_load(text)


def rendered_jobset():
    text = string.Template((CLUSTER / "jobset.yaml").read_text().replace("$(", "$$("))
    return text.substitute(JOB)


def run_in_bash(script, **environment):
    """Standard output of a script; `python` says how it was called."""
    said = subprocess.run(
        ["bash", "-euc", script],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return said.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_file_names_a_machine(path):
    text = path.read_text()
    assert not re.search(r"\d+\.\d+\.\d+\.\d+|https?://|/(home|work|root)/|localhost", text)


def test_slurms_script_starts_a_process_for_each_gpu():
    lines = (CLUSTER / "slurm.sbatch").read_text().splitlines()
    options = dict(
        line.removeprefix("#SBATCH --").partition("=")[::2] for line in lines if "#SBATCH" in line
    )
    assert options["ntasks-per-node"] == options["gpus-per-node"]
    assert "requeue" in options and options["signal"].startswith("TERM@")


@pytest.mark.parametrize(("status", "again"), [(0, False), (75, True), (1, False)])
def test_slurms_script_goes_back_into_the_queue_when_stopped(tmp_path, status, again):
    for name, body in (("srun", f'echo "$@"\nexit {status}'), ("scontrol", 'echo "$@"')):
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    ended = subprocess.run(
        ["bash", CLUSTER / "slurm.sbatch", "c3_faces", "big", "--preset", "paper"],
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}", "SLURM_JOB_ID": "77"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == status
    assert "runs/c3_faces/big/results.json" in ended.stdout
    assert "-m experiments.c3_faces --name big --preset paper" in ended.stdout
    assert ("requeue 77" in ended.stdout) == again


def test_the_jobset_is_one_indexed_job_whose_pods_find_the_first():
    jobset = parse(rendered_jobset())
    assert jobset["kind"] == "JobSet" and jobset["metadata"]["name"] == "big"
    (replicated,) = jobset["spec"]["replicatedJobs"]
    assert jobset["spec"]["coordinator"]["replicatedJob"] == replicated["name"]
    job = replicated["template"]["spec"]
    assert job["completionMode"] == "Indexed" and job["parallelism"] == job["completions"] == 2
    (container,) = job["template"]["spec"]["containers"]
    environment = {entry["name"]: entry.get("value") for entry in container["env"]}
    port = container["ports"][0]["containerPort"]
    assert environment["JAX_COORDINATOR_ADDRESS"] == f"$(COORDINATOR):{port}"
    found = environment | {
        "JAX_COORDINATOR_ADDRESS": f"big-workers-0-0.big:{port}",
        "JOB_COMPLETION_INDEX": "1",
    }
    assert processes.find({}, found) == processes.Processes(2, 1, f"big-workers-0-0.big:{port}")
    (script,) = container["args"]
    assert "-m experiments.c3_faces --name big --preset paper" in script
    mounted = {volume["name"] for volume in job["template"]["spec"]["volumes"]}
    assert mounted == {mount["name"] for mount in container["volumeMounts"]}


def test_skypilots_machines_find_the_first(tmp_path):
    task = parse((CLUSTER / "skypilot.yaml").read_text())
    assert task["num_nodes"] > 1 and set(task["envs"]) == {"EXPERIMENT", "NAME", "ARGS", "SHARED"}
    script = task["run"].replace("cluster/until_done.sh", "echo")
    said = run_in_bash(
        script,
        **task["envs"],
        SKYPILOT_NODE_IPS="first\nsecond",
        SKYPILOT_NODE_RANK="1",
        SKYPILOT_NUM_NODES="2",
    ).split()
    given = {
        name: said[said.index(f"--processes.{name}") + 1] for name in ("address", "count", "index")
    }
    assert processes.find(given, {}) == processes.Processes(2, 1, "first:8476")


@pytest.mark.parametrize(
    ("command", "status"), [("touch done", 0), ("true", 75), ("touch done; exit 3", 3)]
)
def test_a_run_is_done_when_its_results_are_there(tmp_path, command, status):
    ended = subprocess.run(
        [UNTIL_DONE, "done", "bash", "-c", command], cwd=tmp_path, capture_output=True
    )
    assert ended.returncode == status


def test_a_signal_reaches_the_run_which_may_take_its_time(tmp_path):
    script = "trap 'sleep 0.3; echo saved; exit 0' TERM; echo begun; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [UNTIL_DONE, "done", "bash", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "begun\n"
        process.send_signal(signal.SIGTERM)
        assert process.stdout.read() == "saved\n"
    assert process.returncode == 75
