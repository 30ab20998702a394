"""What becomes of a Job, in words: from what Kubernetes shows of it and of its pod."""

from __future__ import annotations

from typing import Any

import pytest

from creditbot.adapters.jobs.endings import failure_of, has_begun, not_begun, phase_of, receipt_in
from creditbot.adapters.jobs.wire import failure_receipt
from creditbot.errors import NOTEBOOK_JOBS, CreditbotError, NotebookStopped, Refused, Unreachable

NAME = "creditbot-0a1b-1"
WAITING = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "creditbot:0.2"'}


def job(*conditions: tuple[str, str], **spec: Any) -> dict[str, Any]:
    """A Job of which these conditions hold, each with its reason."""
    held = [{"type": kind, "reason": reason, "status": "True"} for kind, reason in conditions]
    return {"metadata": {"name": NAME}, "spec": spec, "status": {"conditions": held}}


def pod(state: dict[str, Any] | None = None, **status: Any) -> list[dict[str, Any]]:
    """The pod of a Job, its one container in a state."""
    return [{"status": {"containerStatuses": [{"state": state}], **status} if state else status}]


@pytest.mark.parametrize(
    ("seen", "phase"),
    [
        (job(), "active"),
        ({"metadata": {"name": NAME}, "spec": {}}, "active"),
        (job(("Suspended", "")), "active"),
        (job(("Complete", "")), "complete"),
        (job(("SuccessCriteriaMet", "")), "complete"),
        (job(("Failed", "BackoffLimitExceeded")), "failed"),
        (job(("FailureTarget", "DeadlineExceeded")), "failed"),
        ({"metadata": {"name": NAME, "deletionTimestamp": "2026-01-01T00:00:00Z"}, "spec": {}}, "failed"),
        ({**job(("Complete", "")), "metadata": {"name": NAME, "deletionTimestamp": "2026-01-01T00:00:00Z"}}, "failed"),
    ],
)
def test_a_job_is_active_until_it_is_sure_how_it_ends(seen: dict[str, Any], phase: str) -> None:
    """Also where its node is lost, so that nobody sees its pod end."""
    assert phase == phase_of(seen)


FAILED, LATE = ("Failed", "BackoffLimitExceeded"), ("Failed", "DeadlineExceeded")
DISRUPTED = {"type": "DisruptionTarget", "status": "True", "reason": "DeletionByTaintManager", "message": "a taint."}
UNSCHEDULABLE = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes."}


@pytest.mark.parametrize(
    ("reason", "pods", "what"),
    [
        (FAILED, [], f"The Job {NAME} ended without a result: its pod is gone."),
        (FAILED, pod({"terminated": {"exitCode": 1, "reason": "Error"}}),
         f"The Job {NAME} ended without a result: its container ended with exit status 1 (Error)."),
        (FAILED, pod(conditions=[DISRUPTED]),
         f"The Job {NAME} ended without a result: its pod was disrupted (DeletionByTaintManager: a taint)."),
        (FAILED, pod(reason="Evicted"), f"The Job {NAME} ended without a result: its pod was lost (Evicted)."),
        (FAILED, pod({"terminated": {"exitCode": 137, "reason": "OOMKilled"}}),
         "The notebook n.ipynb needed more memory than its Job may use and was stopped."),
        (LATE, pod({"terminated": {"exitCode": 143}}),
         "The notebook n.ipynb ran longer than 600 s and its Job was ended."),
    ],
)  # fmt: skip
def test_a_job_without_a_result_says_why(
    reason: tuple[str, str], pods: list[dict[str, Any]], what: str
) -> None:  # fmt: skip
    """Another attempt may succeed."""
    error = failure_of(job(reason), pods, "n.ipynb", 600)
    assert (what, True) == (error.what, isinstance(error, NotebookStopped) and bool(error.todo))


@pytest.mark.parametrize(
    ("pods", "why"),
    [
        (pod({"waiting": WAITING}), 'ImagePullBackOff, Back-off pulling image "creditbot:0.2"'),
        (pod(conditions=[UNSCHEDULABLE]), "Unschedulable, 0/1 nodes"),
        ([], "it has no pod"),
    ],
)
def test_a_job_ended_before_it_began_is_no_failed_attempt(pods: list[dict[str, Any]], why: str) -> None:
    """A cluster may be full for longer than a Job may take: no request is given up because of that."""
    error = failure_of(job(LATE), pods, "n.ipynb", 600)
    assert f"The Job {NAME} did not start in time: {why}." == error.what
    assert (True, NOTEBOOK_JOBS) == (error.shared and bool(error.todo), error.service)


@pytest.mark.parametrize(
    ("suspended", "pods", "what"),
    [
        (True, [], "still waits for its turn in the queue after 120 s."),
        (False, pod(conditions=[UNSCHEDULABLE]), "has not started after 120 s: Unschedulable, 0/1 nodes."),
        (False, pod({"waiting": WAITING}),
         'has not started after 120 s: ImagePullBackOff, Back-off pulling image "creditbot:0.2".'),
        (False, pod({"waiting": {"reason": "ContainerCreating"}}), "has not started after 120 s."),
    ],
)  # fmt: skip
def test_a_job_that_has_not_begun_concerns_every_request(
    suspended: bool,
    pods: list[dict[str, Any]],
    what: str,
) -> None:
    """No request is given up because a cluster is full."""
    error = not_begun(job(suspend=suspended), pods, 120.4)
    assert (f"The Job {NAME} {what}", True) == (error.what, error.shared and bool(error.todo))
    assert not has_begun(pods)


LONG = "It is down. " * 99


@pytest.mark.parametrize("error", [Unreachable("the summary store", LONG, "Wait."), Refused("x", "é" * 999)])
def test_what_the_pod_says_itself_comes_first(error: CreditbotError) -> None:
    """A receipt has room for it, whatever the length of its sentences."""
    receipt = failure_receipt(error)
    assert len(receipt.encode()) <= 4096
    pods = pod({"terminated": {"exitCode": 1, "reason": "Error", "message": receipt}})
    assert receipt == receipt_in(pods)
    said = failure_of(job(FAILED), pods, "n.ipynb", 600)
    assert (type(error), error.service) == (type(said), said.service)
    assert said.what.startswith(error.what[:100])
