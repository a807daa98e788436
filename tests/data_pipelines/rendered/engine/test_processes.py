"""Rendering in processes: errors keep their type, nothing is left, the caller is not run again."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from c3jax.files.errors import DataError
from data_pipelines.rendered.engine.arrays import in_processes
from data_pipelines.rendered.engine.draws import check


@pytest.mark.parametrize("workers", [1, 2, None])
def test_results_come_in_the_order_of_the_jobs(workers):
    found = list(in_processes(divmod, [(n, 3) for n in range(9)], workers))
    assert found == [divmod(n, 3) for n in range(9)]
    assert list(in_processes(divmod, [], workers)) == []


def test_an_error_in_a_process_reaches_the_caller_with_its_type():
    with pytest.raises(DataError, match="split.*'dev'"):
        list(in_processes(check, [("train", 0, 16), ("dev", 0, 16)], 2))
    assert list(in_processes(divmod, [(7, 2), (8, 2)], 2)) == [(3, 1), (4, 0)]


def test_processes_start_without_a_fork_with_one_thread_each_and_without_the_main_module(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
            import os, sys
            sys.path[:0] = [ROOT]
            import jax
            from data_pipelines.rendered.engine.arrays import in_processes
            jax.numpy.ones(3).block_until_ready()
            print("begun")
            jobs = [("OMP_NUM_THREADS",), ("OPENBLAS_NUM_THREADS",)]
            print(list(in_processes(os.getenv, jobs, 2)))
        """).replace("ROOT", repr(os.getcwd()))
    )
    command = [sys.executable, "-W", "error", str(script)]
    found = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert found.stdout == "begun\n['1', '1']\n", found.stderr
    assert found.stderr == ""


def test_an_interrupt_ends_the_processes(tmp_path):
    code = (
        "import time; from data_pipelines.rendered.engine.arrays import in_processes\n"
        "print('begun', flush=True)\n"
        "for _ in in_processes(time.sleep, [(n * 600,) for n in range(3)], 2):\n"
        "    print('working', flush=True)"
    )
    command, pipe = [sys.executable, "-c", code], subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
    assert process.stdout.readline() == "begun\n" and process.stdout.readline() == "working\n"
    os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does: parent and workers
    process.communicate(timeout=60)
    assert process.returncode != 0
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGKILL)
    pytest.fail("a worker is still running")
