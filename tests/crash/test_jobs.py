"""RUNNER=job: however a tick, a Job or the API fails while a notebook runs, the request is answered once."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import cast, get_args

import pytest

from creditbot.intake.thread import REPEATS
from creditbot.model import RequestKey
from tests.crash.faults import Fault, Kind
from tests.crash.jobs import JobPoint, JobsWorld, SteadyCluster
from tests.crash.scenario import Outcome, Scenario, fill, ok, unsound
from tests.crash.simulation import Simulation
from tests.crash.table import Table
from tests.crash.test_interleavings import interleave
from tests.support.bucket import Bucket, variables
from tests.support.job_cluster import Ending
from tests.support.large_amount import LARGE
from tests.support.notebooks import code, write_notebook
from tests.support.points import Point
from tests.support.sampling import count, sampled
from tests.support.ticks import stopped
from tests.support.world_facts import OWNER, REFERENCE, explore_link

POINTS: tuple[JobPoint, ...] = get_args(JobPoint)
KINDS: tuple[Kind, ...] = ("SIGKILL", "exception", "SIGSTOP across a takeover")
KEPT = POINTS[: POINTS.index("job.before-delete") + 1]
"""Until then a tick that dies leaves what another one needs: no notebook runs twice."""
ENDS: Mapping[str, Sequence[Outcome]] = {"q0": [Outcome("answered", ("Approved, $100.00, exceptions",), ())]}


def _delete_jobs(world: JobsWorld) -> None:
    """Somebody deletes every Job."""
    for kept in (world.cluster.jobs, world.cluster.secrets, world.cluster.pods):
        kept.clear()


def _kill_pods(world: JobsWorld) -> None:
    """Pods are killed, or their node dies."""
    for name in list(world.cluster.pods):
        if not world.cluster.jobs[name].get("status"):
            world.cluster.end(name, Ending(code=137, reason="Error", pods=False))


def _change_results(world: JobsWorld) -> None:
    """Somebody writes another amount into each result."""
    for key, (content, written) in world.bucket.objects.items():
        world.bucket.objects[key] = (content.replace(b"100", b"900"), written)


def _keep_jobs(world: JobsWorld) -> None:
    """No Job can be deleted for a while."""
    world.cluster.refused["DELETE", "/jobs/"] = 3


def _lose_answers(world: JobsWorld) -> None:
    """What creates or deletes is done, and its answer is lost."""
    world.cluster.lost |= {("POST", "/jobs"): 1, ("POST", "/secrets"): 1, ("DELETE", "/jobs/"): 1}


def _close_the_api(world: JobsWorld) -> None:
    """The API answers nobody for two ticks."""
    world.cluster.refused |= {(method, "/namespaces/"): 2 for method in ("GET", "POST", "DELETE")}


MISHAPS: Mapping[str, Callable[[JobsWorld], None]] = {
    "Job deleted": _delete_jobs,
    "pod or node of a Job dies": _kill_pods,
    "result of a Job changed": _change_results,
    "Job cannot be deleted": _keep_jobs,
    "answers of the Kubernetes API lost": _lose_answers,
    "Kubernetes API refuses every call": _close_the_api,
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call is tried again within a tick, and no look at a Job waits."""
    monkeypatch.setattr("creditbot.adapters.jobs.cluster._PAUSES", ())
    monkeypatch.setattr("creditbot.adapters.jobs.runner._SHORTEST", 0.0)


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook that the pods of these tests do not run."""
    return write_notebook(tmp_path_factory.mktemp("jobs") / "verify.ipynb", code("looker = ''"))


@pytest.fixture
def begin(notebook: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], tuple[Scenario, JobsWorld]]]:
    """Makes a world with one request, whose cluster and bucket are empty."""
    with Bucket() as bucket, SteadyCluster() as cluster:
        for name, value in variables(bucket.url).items():
            monkeypatch.setenv(name, value)

        def made() -> tuple[Scenario, JobsWorld]:
            _empty(cluster, bucket)
            world = JobsWorld(cluster=cluster, bucket=bucket, notebook=notebook)
            scenario = Scenario(world)
            world.tick()
            fill(scenario, (ok,))
            return scenario, world

        yield made


def _empty(cluster: SteadyCluster, bucket: Bucket) -> None:
    for kept in (cluster.jobs, cluster.secrets, cluster.pods, cluster.refused, cluster.lost, cluster.created):
        kept.clear()
    bucket.objects.clear()


Begin = Callable[[], tuple[Scenario, JobsWorld]]


def at(point: JobPoint) -> Point:
    """As a boundary of the simulation."""
    return cast("Point", point)


def test_a_request_passes_each_boundary_of_a_job_once(begin: Begin) -> None:
    """So what is injected below happens at every one of them; and nothing of the Job is left."""
    scenario, world = begin()
    simulation = Simulation(world)
    simulation.run()
    assert ENDS == scenario.outcomes()
    looks_twice = {"job.before-look": 2, "job.after-look": 2}
    asks_again_at_the_end = {"jobs.before-list": 2, "jobs.after-list": 2}
    twice = looks_twice | asks_again_at_the_end
    assert dict.fromkeys(POINTS, 1) | twice == {point: simulation.passed[at(point)] for point in POINTS}
    assert ([], {}, {}) == (unsound(scenario), world.cluster.jobs, world.bucket.objects)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.replace(" ", "-"))
def test_a_tick_that_fails_at_a_job_is_repaired(kind: Kind, begin: Begin, table: Table) -> None:
    """Another one finds the Job by its name, whatever was done of it; one that wakes up later does no harm."""
    for point in sampled(POINTS, 5, KINDS.index(kind)):
        scenario, world = begin()
        simulation = Simulation(world, [fault := Fault(kind, at(point), ticks=2)])
        simulation.run()
        table.add([f"{kind} at a Job"], scenario)
        assert [fault] == simulation.fired
        assert ([], ENDS) == (unsound(scenario), scenario.outcomes()), fault
        assert not world.cluster.jobs, fault
        if kind == "SIGKILL" and point in KEPT:
            assert (1, 1) == (len(world.cluster.created), len(world.runs)), fault


@pytest.mark.parametrize("name", MISHAPS, ids=lambda name: name.replace(" ", "-"))
def test_whatever_happens_to_a_job_its_request_is_answered_once(name: str, begin: Begin, table: Table) -> None:
    """Before and after each call of a tick for it."""
    for point in sampled(POINTS, 5, list(MISHAPS).index(name)):
        scenario, world = begin()
        simulation = Simulation(world, (), [(at(point), 1, partial(MISHAPS[name], world))])
        simulation.run()
        table.add([name], scenario)
        assert ([], ENDS) == (unsound(scenario), scenario.outcomes()), point
        assert not [job for job in world.cluster.jobs.values() if "Complete" in str(job.get("status"))], point


@pytest.mark.parametrize("name", MISHAPS, ids=lambda name: name.replace(" ", "-"))
def test_what_a_killed_tick_leaves_may_be_harmed(name: str, begin: Begin, table: Table) -> None:
    """Two mishaps at a time: the second comes before another tick looks."""
    for point in sampled(POINTS[POINTS.index("job.after-create") :], 13, list(MISHAPS).index(name)):
        scenario, world = begin()
        simulation = Simulation(world, [Fault("SIGKILL", at(point))])
        simulation.tick()
        assert simulation.fired
        MISHAPS[name](world)
        world.wait(minutes=5)
        simulation.run()
        table.add(["SIGKILL at a Job", name], scenario)
        assert ([], ENDS) == (unsound(scenario), scenario.outcomes()), point


def _someone_answers(world: JobsWorld, key: RequestKey) -> None:
    world.say("Approved, $1.00, exceptions", "U0BOSS", thread_ts=key.ts)


def _the_message_is_deleted(world: JobsWorld, key: RequestKey) -> None:
    world.delete(key)


def _nobody_does_anything(world: JobsWorld, key: RequestKey) -> None:
    """The request is given up after LOOKBACK_HOURS."""
    world.wait(days=8)


def _the_queue_is_given_up(world: JobsWorld, key: RequestKey) -> None:
    world.queue = ""


def _someone_edits_and_answers(world: JobsWorld, key: RequestKey) -> None:
    """The request starts again from the beginning, and its first attempt ends it."""
    world.edit(key, explore_link("edited"))
    _someone_answers(world, key)


def _the_state_is_lost_and_someone_answers(world: JobsWorld, key: RequestKey) -> None:
    world.lose()
    _someone_answers(world, key)


def _an_approver_agrees(world: JobsWorld, key: RequestKey) -> None:
    """With the amount of another Job, after the queue was given up."""
    world.queue, world.amounts["q0"], world.votes = "", LARGE, {"+1": (OWNER,)}


def _an_approver_denies_it(world: JobsWorld, key: RequestKey) -> None:
    _an_approver_agrees(world, key)
    world.votes = {"x": (OWNER,)}


@pytest.mark.parametrize(
    "end",
    [
        _someone_answers,
        _the_message_is_deleted,
        _nobody_does_anything,
        _the_queue_is_given_up,
        _someone_edits_and_answers,
        _the_state_is_lost_and_someone_answers,
        _an_approver_agrees,
        _an_approver_denies_it,
    ],
    ids=lambda end: end.__name__.strip("_").replace("_", "-"),
)
def test_a_job_that_waits_in_a_queue_goes_with_its_request(
    end: Callable[[JobsWorld, RequestKey], None], begin: Begin
) -> None:
    """Kubernetes never ends a Job that waits: however the request ends, the tick that ends it deletes its Jobs."""
    scenario, world = begin()
    world.queue = "credits"
    world.tick()
    ((key,),) = scenario.groups.values()
    assert ("failed", 1) == (world.record(key).status, len(world.cluster.jobs))
    end(world, key)
    Simulation(world).run()
    assert world.record(key).terminal
    assert ({}, {}) == (world.cluster.jobs, world.cluster.secrets)


def test_a_job_goes_with_a_request_whose_first_attempt_is_its_last(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its links waits in the queue, and the SQL of the other one is too long for a Job."""
    monkeypatch.setattr("creditbot.adapters.jobs.runner._LONGEST_TASK", 5_000)
    _, world = begin()
    world.tick()
    world.queue = "credits"
    world.conditions["long"] = f"account_sid = 'AC-{5_000 * '1'}'"
    key = world.ask("waits", "long")
    world.tick()
    assert ("given_up", 1) == (world.record(key).status, world.record(key).attempts)
    assert (2, {}) == (len(world.cluster.created), world.cluster.jobs)


def test_a_job_made_after_its_request_ended_goes_as_well(begin: Begin) -> None:
    """A tick slept before it made the Job, and another one ended the request meanwhile."""
    scenario, world = begin()
    world.queue = "credits"
    ((key,),) = scenario.groups.values()
    tick = stopped(world, at("job.before-create"))
    _someone_answers(world, key)
    world.tick_after(minutes=31)
    assert ("elsewhere", []) == (world.record(key).status, world.cluster.created)
    assert tick.go_on()
    assert (1, {}) == (len(world.cluster.created), world.cluster.jobs)


def test_what_a_request_left_in_slack_is_repaired_before_its_jobs_go(begin: Begin) -> None:
    """An API that does not answer delays no repair, and a tick that is killed there leaves nothing but the Job."""
    scenario, world = begin()
    world.queue = "credits"
    world.tick()
    ((key,),) = scenario.groups.values()
    for _ in range(2):
        world.stray_reply(key)
    world.wait(minutes=5)
    simulation = Simulation(world, [fault := Fault("SIGKILL", at("jobs.before-list"))])
    simulation.tick()
    assert [fault] == simulation.fired
    assert ("answered", [REFERENCE, REPEATS]) == (world.record(key).status, world.replies(key))
    assert 1 == len(world.cluster.jobs)


def test_a_job_that_cannot_be_deleted_keeps_no_request_from_its_end(
    begin: Begin, caplog: pytest.LogCaptureFixture
) -> None:
    """The log names the request whose Job may stay."""
    scenario, world = begin()
    world.queue = "credits"
    world.tick()
    ((key,),) = scenario.groups.values()
    _someone_answers(world, key)
    world.cluster.refused["DELETE", "/jobs/"] = 1
    world.tick_after(minutes=5)
    assert ("elsewhere", 1) == (world.record(key).status, len(world.cluster.jobs))
    assert [f"of request {key}, which has ended, may still wait" in line for line in caplog.messages].count(True) == 1


INTERLEAVINGS = count(60, 6)


def test_two_ticks_at_once_share_a_job_or_run_one_after_another(begin: Begin, table: Table) -> None:
    """They are switched at every call for a Job, too; long leaps let both work on the request at the same time."""
    for seed in range(INTERLEAVINGS):
        scenario, world = begin()
        interleave(world, random.Random(seed))
        Simulation(world).run()
        table.add(["two ticks at once on Jobs"], scenario)
        assert ([], ENDS) == (unsound(scenario), scenario.outcomes()), seed
