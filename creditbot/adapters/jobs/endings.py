"""What becomes of a Job: whether it has ended, and what it means that it left no result, or has not begun. Pure.

Jobs and pods come as the Kubernetes API shows them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from creditbot.adapters.jobs.manifests import TEMPLATE
from creditbot.adapters.jobs.wire import failure_in
from creditbot.errors import NOTEBOOK_JOBS, CreditbotError, NotebookStopped, Unreachable
from creditbot.text import one_line

Phase = Literal["active", "complete", "failed"]


def phase_of(job: Mapping[str, Any]) -> Phase:
    """Whether a Job has ended, and how. One that is being deleted counts as failed."""
    conditions = _conditions(job)
    if is_deleted(job):
        return "failed"
    if "Complete" in conditions or "SuccessCriteriaMet" in conditions:
        return "complete"
    # FailureTarget comes before Failed: where a node is lost, its pod may never be seen to end.
    if "Failed" in conditions or "FailureTarget" in conditions:
        return "failed"
    return "active"


def waits_in_queue(job: Mapping[str, Any]) -> bool:
    """Whether a Job waits until its queue starts it. Kubernetes never ends it as long as it waits."""
    return phase_of(job) == "active" and bool(job["spec"].get("suspend"))


def is_deleted(job: Mapping[str, Any]) -> bool:
    """Whether a Job is being deleted: somebody has read its result, or wants nobody to."""
    return bool(job["metadata"].get("deletionTimestamp"))


def receipt_in(pods: Sequence[Mapping[str, Any]]) -> str:
    """The termination message of a Job's pod, or ""."""
    return next((str(state["message"]) for state in _terminated(pods) if state.get("message")), "")


def has_begun(pods: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the container of a Job's pod runs or ran."""
    return any("running" in state or "terminated" in state for state in _states(pods))


def failure_of(
    job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], notebook: str, seconds: float
) -> CreditbotError:
    """The error for a Job that ended without a result.

    Args:
        job: has failed.
        pods: of it, as far as they are still there.
        notebook: that it ran.
        seconds: NOTEBOOK_TIMEOUT.
    """
    if said := failure_in(receipt_in(pods)):
        return said
    name = job["metadata"]["name"]
    reason = _conditions(job).get("Failed") or _conditions(job).get("FailureTarget") or ""
    if any(state.get("reason") == "OOMKilled" for state in _terminated(pods)):
        what = f"The notebook {notebook} needed more memory than its Job may use and was stopped."
        return NotebookStopped(what, f"Raise the memory limit in the PodTemplate {TEMPLATE}.")
    if reason == "DeadlineExceeded" and not has_begun(pods):  # a notebook that runs too long is ended by its pod
        what = f"The Job {name} did not start in time{_why_waiting(pods)}."
        return Unreachable(NOTEBOOK_JOBS, what, _LOOK.format(name))
    if reason == "DeadlineExceeded":
        what = f"The notebook {notebook} ran longer than {seconds:g} s and its Job was ended."
        return NotebookStopped(what, "Raise NOTEBOOK_TIMEOUT if it needs more time.")
    return NotebookStopped(f"The Job {name} ended without a result: {_why_ended(pods)}.", _LOOK.format(name))


def not_begun(job: Mapping[str, Any], pods: Sequence[Mapping[str, Any]], seconds: float) -> Unreachable:
    """The error for a Job whose pod has not started within so many seconds. It may still do so."""
    name = job["metadata"]["name"]
    if waits_in_queue(job):
        what = f"The Job {name} still waits for its turn in the queue after {seconds:.0f} s."
        return Unreachable(NOTEBOOK_JOBS, what, "Check QUEUE, that Kueue runs, and the quota of the queue.")
    what = f"The Job {name} has not started after {seconds:.0f} s{_why_waiting(pods)}."
    return Unreachable(NOTEBOOK_JOBS, what, _LOOK.format(name))


_LOOK = "Look at it with `kubectl describe job {}` in its namespace, and at its pod."


def _conditions(job: Mapping[str, Any]) -> dict[str, str]:
    """Type of each condition that holds -> its reason."""
    conditions = job.get("status", {}).get("conditions", ())
    return {one["type"]: one.get("reason") or "" for one in conditions if one["status"] == "True"}


def _states(pods: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for pod in pods:
        for container in pod.get("status", {}).get("containerStatuses", ()):
            yield container.get("state", {})


def _terminated(pods: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    return (state["terminated"] for state in _states(pods) if "terminated" in state)


def _why_waiting(pods: Sequence[Mapping[str, Any]]) -> str:
    """What keeps the pod from starting, with a colon in front; "" if nobody says."""
    waiting = [state["waiting"] for state in _states(pods) if "waiting" in state]
    conditions = [one for pod in pods for one in pod.get("status", {}).get("conditions", ())]
    unmet = [one for one in conditions if one["status"] == "False" and one.get("message")]
    for one in [state for state in waiting if state.get("reason") != "ContainerCreating"] + unmet:
        texts = (one.get("reason") or "", one.get("message") or "")
        return ": " + one_line(", ".join(filter(None, texts)), 300).rstrip(".")
    return ": it has no pod" if not pods else ""


def _why_ended(pods: Sequence[Mapping[str, Any]]) -> str:
    if not pods:
        return "its pod is gone"
    for state in _terminated(pods):
        return one_line(f"its container ended with exit status {state.get('exitCode')} ({state.get('reason')})", 300)
    status = pods[0].get("status", {})
    for one in status.get("conditions", ()):
        if one["type"] == "DisruptionTarget" and one["status"] == "True":
            message = str(one.get("message")).rstrip(".")
            return one_line(f"its pod was disrupted ({one.get('reason')}: {message})", 300)
    return one_line(f"its pod was lost ({status.get('reason') or status.get('phase')})", 300)
