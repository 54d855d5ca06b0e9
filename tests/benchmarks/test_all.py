"""`make bench`: the list is whole, one that fails stops nobody, and ending it leaves no database behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from benchmarks import publish
from benchmarks.all import ALL, NO_BENCHMARK, Benchmark, main, run_all
from restoration_tasks.runtime.errors import ExitCode
from tests.fixtures.postgres import server_home

ROOT = Path(__file__).parents[2]
PROGRAM = '__name__ == "__main__"'


def test_every_program_of_the_folder_is_a_benchmark_or_says_why_not():
    programs = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if PROGRAM in path.read_text()}
    named = [one.name for one in ALL]
    assert len(set(named)) == len(named)
    assert set(named) | set(NO_BENCHMARK) == programs
    assert not set(named) & set(NO_BENCHMARK)


def test_every_figure_on_the_page_is_made_by_a_benchmark_of_the_list():
    made = {one.writes for one in ALL} | {"soak.json"}
    assert {section.file for section in publish.SECTIONS} == made


def test_makefile_runs_the_list():
    assert "python -m benchmarks.all $(BENCH)" in (ROOT / "Makefile").read_text()


def pretend(*endings: int) -> tuple[list[Benchmark], list[str], int, list[int]]:
    """Run benchmarks that end so; which were run, with what exit code, and how often the page was made."""
    chosen = [Benchmark(f"b{place}", f"b{place}.json", 1) for place in range(len(endings))]
    ran: list[str] = []
    pages: list[int] = []

    def command(one, _arguments):
        ran.append(one.name)
        return [sys.executable, "-c", f"raise SystemExit({endings[chosen.index(one)]})"]

    code = run_all(chosen, command=command, page=lambda: pages.append(len(ran)))
    return chosen, ran, code, pages


def test_one_that_fails_stops_nobody_and_is_named_at_the_end(capfd):
    _, ran, code, pages = pretend(0, 1, 3, 0)
    assert ran == ["b0", "b1", "b2", "b3"]
    assert pages == [4], "the page is made once, after all of them"
    assert code == ExitCode.FAILED
    assert capfd.readouterr().out.strip().splitlines()[-1] == (
        "failed, or missed a bar: b1 (exit code 1), b2 (exit code 3)"
    )
    assert pretend(0, 0)[2] == ExitCode.DONE


def test_what_needs_a_gpu_is_left_out_where_there_is_none():
    one = Benchmark("lanes", "lanes.json", 1, gpu=True)
    ran: list[str] = []

    def command(benchmark, _arguments):
        ran.append(benchmark.name)
        return [sys.executable, "-c", ""]

    for there, wanted in ((False, []), (True, ["lanes"])):
        assert run_all([one], command=command, page=lambda: None, gpu=lambda there=there: there) == ExitCode.DONE
        assert ran == wanted


def test_a_name_that_is_none_is_refused(capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["igest"])
    assert "no benchmark igest; there are demo, dirt" in capsys.readouterr().err


BORROWS = """
import sys, time
from pathlib import Path
from benchmarks.command import run
from restoration_tasks.catalogue import embedded

def main():
    with embedded.borrowed(Path(sys.argv[1])) as server:
        print(server.pid, flush=True)
        time.sleep(600)

run(main, "borrows")
"""
RUNS = """
import sys
from benchmarks import all as bench
from benchmarks.command import run

one = bench.Benchmark("borrows", "x.json", 1)
command = lambda *_: [sys.executable, "-c", sys.argv[1], sys.argv[2]]
run(lambda: bench.run_all([one], command=command, page=lambda: print("the page was made")))
"""


def test_ended_by_term_it_leaves_no_database():
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
    with server_home() as home:
        command = [sys.executable, "-c", RUNS, BORROWS, str(home / "postgres")]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as bench:
            assert bench.stdout is not None
            lines = iter(bench.stdout.readline, "")
            server = psutil.Process(int(next(line for line in lines if line.strip().isdigit())))
            assert server.is_running()
            bench.send_signal(signal.SIGTERM)
            said = bench.communicate(timeout=60)[0]
        assert bench.returncode == ExitCode.FAILED
        assert "the page was made" not in said
        assert not server.is_running()
