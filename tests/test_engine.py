"""Engines: every item gets its Done, whatever happens to the workers."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from gensup.engine import Done, Engine, Inline, Local, Ray, Threads, collect, default_workers, for_workers
from gensup.engine.cpus import quota
from gensup.engine.worker import Worker, end
from gensup.errors import GensupError

SUPPORT = Path(__file__).parent / "support"
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def tasks() -> Iterator[Any]:
    """Tasks in a module that spawned workers find on sys.path and Ray's on PYTHONPATH."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(SUPPORT))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(SUPPORT), str(ROOT)]))
        yield importlib.import_module("engine_tasks")


@pytest.fixture(scope="module")
def ray_cluster(tasks: Any) -> Iterator[Ray]:
    import ray

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
        yield Ray(retries=1)
        ray.shutdown()


def by_index(engine: Engine, task: Callable[[Any], Any], items: Sequence[Any]) -> dict[int, Done[Any]]:
    done = list(engine.run(task, items))
    assert len(done) == len(items)
    return {one.index: one for one in done}


def wait_for(folder: Path, count: int, seconds: float = 60) -> set[int]:
    """Process ids that ``note_and_sleep`` left in a folder for items that take long."""
    for _ in range(int(seconds / 0.02)):
        pids = {int(path.name) for path in folder.iterdir()}
        if len(pids) == count:
            return pids
        time.sleep(0.02)
    raise AssertionError(f"{count} workers should be busy, {len(pids)} are")


def dead(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    stat = Path(f"/proc/{pid}/stat")  # a zombie is dead, and only waiting for its adoptive parent
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"


def gone(pid: int, seconds: float = 20) -> bool:
    for _ in range(int(seconds / 0.02)):
        if dead(pid):
            return True
        time.sleep(0.02)
    return False


def living_children() -> list[int]:
    """Workers that run at this moment: nobody waits for them here.

    A process that is dead may stay on multiprocessing's list a moment longer: its pool's thread and ``end`` both wait
    for it, one of the two is told of its death, and the other, told that there is no such child, may be first to go on.
    """
    return [child.pid for child in multiprocessing.active_children() if child.pid and not dead(child.pid)]


@pytest.mark.parametrize("engine", [Inline(), Local(2), Threads(2)])
def test_every_item_has_its_value(engine: Engine, tasks: Any) -> None:
    done = by_index(engine, tasks.square, range(20))
    assert {index: one.value for index, one in done.items()} == {i: i * i for i in range(20)}
    assert all(one.error is None and one.problem is None for one in done.values())


@pytest.mark.parametrize("engine", [Inline(), Local(2), Threads(2)])
def test_no_items(engine: Engine, tasks: Any) -> None:
    assert list(engine.run(tasks.square, [])) == []
    assert collect(engine, tasks.square, []) == []


@pytest.mark.parametrize("engine", [Inline(), Local(2), Threads(2)])
def test_an_error_costs_its_item_only(engine: Engine, tasks: Any) -> None:
    done = by_index(engine, tasks.fail, ["mendable", "fine", "bug", "fine"])
    problem = done[0].problem
    assert isinstance(problem, GensupError)
    assert done[0].error == str(problem)
    assert str(problem).startswith("a.wav: too loud (got <object object at ")
    assert str(problem).endswith("; below 0 dB; turn it down")
    assert done[2] == Done(2, error="ValueError: seven")
    assert done[1].value == done[3].value == "fine"


def test_what_cannot_travel_costs_its_item_only(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENGINE_TASKS_PARENT", str(os.getpid()))
    done = by_index(Local(1), tasks.fail, ["unpicklable", "fine", lambda: None, "unreadable", "exit", "fine"])
    assert "pickle" in (done[0].error or "")
    assert "pickle" in (done[2].error or "")
    assert done[3].error == "ValueError: cannot be read here"
    assert done[4].error == "SystemExit: 3"
    assert done[1].value == done[5].value == "fine"


def test_a_killed_worker_costs_the_item_in_hand_which_is_tried_again(tasks: Any, tmp_path: Path) -> None:
    items = [(str(tmp_path / ("dies" if i == 3 else "exists")), i) for i in range(8)]
    (tmp_path / "exists").touch()
    done = by_index(Local(2), tasks.die_once, items)
    assert [done[i].value for i in range(8)] == list(range(8))
    assert (tmp_path / "dies").exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_an_item_that_always_kills_its_worker_takes_no_other_with_it(workers: int, tasks: Any) -> None:
    items = [-1, *range(1, 12), -12]  # enough of them that some wait at the door of the worker that dies
    done = by_index(Local(workers, retries=1), tasks.die_if_negative, items)
    assert {i for i, one in done.items() if one.error} == {0, 12}
    assert done[0].error
    assert done[0].error.startswith("its worker died each of the 2 times it was tried (killed, or out of memory")
    assert all(done[i].value == items[i] for i in done if items[i] >= 0)


def test_a_worker_killed_while_idle_costs_nothing(tasks: Any) -> None:
    worker = Worker()
    try:
        assert worker.submit(pickle.dumps((tasks.state, 0)), 0)
        wait([worker.queue[0][0]])
        pid = worker.answers()[0].result()[0]
        os.kill(pid, signal.SIGKILL)
        assert gone(pid)
        while worker.pool is not None and not worker.pool._broken:
            time.sleep(0.01)
        assert worker.submit(pickle.dumps((tasks.state, 1)), 1)
        wait([worker.queue[0][0]])
        assert worker.answers()[0].result()[0] != pid
    finally:
        end([worker])


def test_linear_algebra_has_one_thread_and_ctrl_c_is_the_parents(tasks: Any) -> None:
    before = dict(os.environ)
    np.ones((2, 2)) @ np.ones((2, 2))
    with threadpool_limits(2):
        assert tasks.state(0) == (os.getpid(), 2, False)
        assert by_index(Inline(), tasks.state, [0])[0].result() == (os.getpid(), 1, False)
        assert tasks.state(0) == (os.getpid(), 2, False)
    assert dict(os.environ) == before
    pid, threads, ignores = by_index(Local(1), tasks.state, [0])[0].result()
    assert pid != os.getpid()
    assert (threads, ignores) == (1, True)


def test_workers_are_reused_and_no_more_than_asked_for(tasks: Any) -> None:
    pids = {one.result()[0] for one in Local(2).run(tasks.state, range(12))}
    assert 1 <= len(pids) <= 2
    assert all(gone(pid) for pid in pids)


def test_few_items_are_on_their_way_at_a_time(tasks: Any) -> None:
    asked: list[int] = []

    class Watched(Sequence[int]):
        def __len__(self) -> int:
            return 1000

        def __getitem__(self, index: Any) -> Any:
            asked.append(index)
            return index

    running = Local(2).run(tasks.square, Watched())
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert len(asked) <= 8


def test_closing_ends_what_still_runs(tasks: Any, tmp_path: Path) -> None:
    running = Local(2).run(tasks.note_and_sleep, [(str(tmp_path), 0.0), *[(str(tmp_path), 600.0)] * 5])
    next(running)
    wait_for(tmp_path, 2)
    running.close()  # type: ignore[attr-defined]
    assert all(gone(pid) for pid in wait_for(tmp_path, 2))


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_no_worker_outlives_its_parent(end: signal.Signals, tasks: Any, tmp_path: Path) -> None:
    (tmp_path / "pids").mkdir()
    script = tmp_path / "parent.py"
    script.write_text(
        "import engine_tasks\nfrom gensup.engine import Local\n"
        f"items = [({str(tmp_path / 'pids')!r}, 600.0)] * 4\n"
        "if __name__ == '__main__':\n    list(Local(2).run(engine_tasks.note_and_sleep, items))\n"
    )
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.PIPE)
    try:
        pids = wait_for(tmp_path / "pids", 2)
        parent.send_signal(end)
        _, errors = parent.communicate(timeout=30)
        assert parent.returncode != 0
        assert errors.count(b"KeyboardInterrupt") == (1 if end == signal.SIGINT else 0)
    finally:
        parent.kill()
    assert all(gone(pid) for pid in pids)


def pids_of(engine: Engine, tasks: Any, count: int = 2) -> set[int]:
    """The processes of a run; with an item each, all of them."""
    return {one.result()[0] for one in engine.run(tasks.state, range(count))}


def test_within_a_context_workers_live_on(tasks: Any) -> None:
    engine = Local(2)
    assert len(pids_of(engine, tasks) | pids_of(engine, tasks)) == 4
    with engine as entered:
        assert entered is engine
        first = pids_of(engine, tasks)
        assert len(first) == 2
        assert pids_of(engine, tasks) == first
        with engine:
            assert pids_of(engine, tasks, 1) < first
        assert pids_of(engine, tasks) == first
    assert not living_children()
    with engine:
        assert not pids_of(engine, tasks) & first
    assert engine == Local(2)


def test_a_worker_killed_between_runs_costs_no_item(tasks: Any) -> None:
    with Local(1, retries=0) as engine:
        for _ in range(3):
            (pid,) = pids_of(engine, tasks)
            os.kill(pid, signal.SIGKILL)
            while multiprocessing.active_children():  # a zombie may have threads that live a moment longer
                time.sleep(0.01)
        assert pids_of(engine, tasks, 1) != {pid}


def test_errors_and_deaths_leave_the_workers_for_the_next_run(tasks: Any) -> None:
    with Local(2, retries=0) as engine:
        first = pids_of(engine, tasks)
        done = by_index(engine, tasks.fail, ["mendable", "bug", "exit", "unpicklable", lambda: None, "fine"])
        assert [bool(done[i].error) for i in range(6)] == [True] * 5 + [False]
        with pytest.raises(GensupError, match="seven"):
            collect(engine, tasks.fail, ["bug"])
        assert pids_of(engine, tasks) == first
        assert {i for i, one in by_index(engine, tasks.die_if_negative, [1, -1]).items() if one.error} == {1}
        assert len(pids_of(engine, tasks) & first) == 1


def test_closing_early_kills_who_is_busy_and_keeps_who_is_idle(tasks: Any, tmp_path: Path) -> None:
    with Local(2) as engine:
        running = engine.run(tasks.note_and_sleep, [(str(tmp_path), 0.0), (str(tmp_path), 600.0)])
        idle = next(running).result()
        (busy,) = wait_for(tmp_path, 1)
        running.close()  # type: ignore[attr-defined]
        assert gone(busy)
        assert idle in pids_of(engine, tasks)
        assert collect(engine, tasks.square, range(5)) == [0, 1, 4, 9, 16]


def test_runs_may_overlap_and_no_more_workers_wait_than_asked_for(tasks: Any) -> None:
    with Local(2) as engine:
        outer = engine.run(tasks.state, range(12))
        held = {next(outer).result()[0]}
        inner = pids_of(engine, tasks)
        assert not inner & held
        held |= {one.result()[0] for one in outer}
        assert not inner & held
        assert pids_of(engine, tasks) == inner
        assert all(gone(pid) for pid in held)
        interrupted = engine.run(tasks.state, range(12))
        next(interrupted)
        del interrupted  # as when its loop is broken out of
        assert collect(engine, tasks.square, range(5)) == [0, 1, 4, 9, 16]


@pytest.mark.parametrize("error", [GensupError("too loud"), KeyboardInterrupt()])
def test_no_worker_outlives_its_context(error: BaseException, tasks: Any, tmp_path: Path) -> None:
    engine = Local(2)
    items = [(str(tmp_path), 0.0), *[(str(tmp_path), 600.0)] * 5]
    running = iter(())

    def interrupted() -> None:
        nonlocal running
        with engine:
            pids_of(engine, tasks)
            running = engine.run(tasks.note_and_sleep, items)
            next(running)
            wait_for(tmp_path, 2)
            raise error

    with pytest.raises(type(error)):
        interrupted()
    assert not living_children()
    with pytest.raises(RuntimeError, match="left before its run was over"):
        list(running)
    assert collect(engine, tasks.square, [3]) == [9]


def test_what_waits_holds_neither_items_nor_results(tasks: Any) -> None:
    size = 100 * 2**20
    with Local(1) as engine:

        def held() -> list[int]:
            return [tasks.resident(0), *collect(engine, tasks.resident, [0])]

        before = held()
        assert [len(one.result()) for one in engine.run(tasks.swell, [bytes(size)])] == [size]
        wanted = [size // 2 + most for most in before]
        here = [tasks.resident(0)]
        while here[-1] > wanted[0] and len(here) < 500:  # before another item takes the place of this one
            time.sleep(0.01)
            here.append(tasks.resident(0))
        assert here[-1] < wanted[0]
        assert held()[1] < wanted[1]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_idle_worker_outlives_its_parent(end: signal.Signals, tasks: Any, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        "import time\nimport engine_tasks\nfrom gensup.engine import Local\n"
        "if __name__ == '__main__':\n    with Local(2) as engine:\n"
        "        print(*[done.value[0] for done in engine.run(engine_tasks.state, range(2))], flush=True)\n"
        "        time.sleep(600)\n"
    )
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as parent:
        assert parent.stdout
        pids = [int(pid) for pid in parent.stdout.readline().split()]
        parent.send_signal(end)
        assert parent.wait(timeout=30) != 0
    assert len(pids) == 2
    assert all(gone(pid) for pid in pids)


def test_a_context_changes_nothing_where_no_process_is_started(tasks: Any) -> None:
    with Inline() as engine:
        assert engine == Inline()
        assert collect(engine, tasks.square, [3, 1, 2]) == [9, 1, 4]


@pytest.mark.parametrize("engine", [Inline(), Local(2), Threads(2)])
def test_collect_keeps_the_order_and_raises_the_items_own_error(engine: Engine, tasks: Any) -> None:
    assert collect(engine, tasks.square, [3, 1, 2]) == [9, 1, 4]
    with pytest.raises(GensupError, match=r"a.wav: too loud"):
        collect(engine, tasks.fail, ["fine", "mendable"])
    with pytest.raises(GensupError, match="item 1: ValueError: seven"):
        collect(engine, tasks.fail, ["fine", "bug"])


def test_threads_share_this_process_and_have_one_thread_for_linear_algebra_each(tasks: Any) -> None:
    before = dict(os.environ)
    with threadpool_limits(2):
        states = [one.result() for one in Threads(2).run(tasks.state, range(4))]
        assert {(pid, threads) for pid, threads, _ in states} == {(os.getpid(), 1)}
        assert tasks.state(0) == (os.getpid(), 2, False)
    assert dict(os.environ) == before
    with pytest.raises(GensupError, match="too few threads"):
        Threads(0)


def test_while_one_thread_waits_another_works() -> None:
    both = threading.Barrier(2)
    assert sorted(collect(Threads(2), lambda _: both.wait(60), range(4))) == [0, 0, 1, 1]


def test_closing_threads_begins_no_other_item_and_waits_for_those_in_hand() -> None:
    begun: list[int] = []
    ended: list[int] = []

    def task(item: int) -> int:
        begun.append(item)
        time.sleep(0.02)
        ended.append(item)
        return item

    others = threading.active_count()  # of whoever runs the tests
    running = Threads(2).run(task, range(100))
    next(running)
    running.close()  # type: ignore[attr-defined]
    assert sorted(begun) == sorted(ended)
    assert len(begun) <= 4
    assert threading.active_count() == others


def test_threads_report_a_task_that_exits(tasks: Any) -> None:
    done = by_index(Threads(2), tasks.fail, ["exit", "fine"])
    assert done[0].error == "SystemExit: 3"
    assert done[1].value == "fine"


def test_workers_asked_for() -> None:
    assert for_workers(1) == Inline()
    assert for_workers(3) == Local(3)
    with pytest.raises(GensupError, match=r"--workers: too few workers .got 0."):
        for_workers(0)
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def test_default_workers_follow_the_affinity_mask() -> None:
    script = (
        "import os; from gensup.engine import default_workers\n"
        "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); print(default_workers())"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, cwd=ROOT)
    assert ran.stdout == b"1\n"


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({}, None),
        ({"": "max 100000"}, None),
        ({"a/b": "350000 100000"}, 3),
        ({"a": "150000 100000", "a/b": "max 100000"}, 1),
        ({"a/b": "50000 100000"}, 1),
        ({"c": "100000 100000"}, None),
    ],
)
def test_quota_of_the_control_groups(limits: dict[str, str], expected: int | None, tmp_path: Path) -> None:
    (tmp_path / "member").write_text("1:name=systemd:/x\n0::/a/b\n")
    for group, text in limits.items():
        (tmp_path / "fs" / group).mkdir(parents=True, exist_ok=True)
        (tmp_path / "fs" / group / "cpu.max").write_text(text + "\n")
    assert quota(tmp_path / "fs", tmp_path / "member") == expected
    assert quota(tmp_path / "fs", tmp_path / "none") is None


def test_ray_gives_every_item_its_done(ray_cluster: Ray, tasks: Any, tmp_path: Path) -> None:
    with ray_cluster as engine:
        assert collect(engine, tasks.square, range(10)) == [i * i for i in range(10)]
    assert collect(ray_cluster, lambda x: x + 1, [1]) == [2]
    done = by_index(ray_cluster, tasks.fail, ["mendable", "bug", "fine", (i for i in [])])
    assert isinstance(done[0].problem, GensupError)
    assert done[1].error == "ValueError: seven"
    assert done[2].value == "fine"
    assert "pickle" in (done[3].error or "")
    assert collect(ray_cluster, tasks.die_once, [(str(tmp_path / "dies"), 7)]) == [7]


def test_ray_survives_an_item_that_always_kills_its_worker(ray_cluster: Ray, tasks: Any) -> None:
    done = by_index(ray_cluster, tasks.die_if_negative, [0, -1, 2, 3])
    assert {i for i, one in done.items() if one.error} == {1}
    assert (done[1].error or "").startswith("its worker died each of the 2 times it was tried (")
    assert done[3].value == 3


def test_ray_without_gpus_refuses_to_wait_for_them(ray_cluster: Ray, tasks: Any) -> None:
    with pytest.raises(GensupError, match="ray: not enough GPUs"):
        list(Ray(gpus_per_worker=1).run(tasks.square, [1]))


def test_ray_closing_cancels_what_still_runs(ray_cluster: Ray, tasks: Any, tmp_path: Path) -> None:
    running = ray_cluster.run(tasks.note_and_sleep, [(str(tmp_path), 0.0), (str(tmp_path), 600.0)])
    next(running)
    wait_for(tmp_path, 1)
    running.close()  # type: ignore[attr-defined]
    assert all(gone(pid) for pid in wait_for(tmp_path, 1))


def test_ray_that_is_not_there(tasks: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GensupError, match=r"pip install 'gensup\[ray\]'"):
        list(Ray().run(tasks.square, [1]))
