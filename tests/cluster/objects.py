"""Objects as Kustomize and Helm write them, made comparable: YAML comes in, dictionaries by kind and name go out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = dict[str, Any]

HELMS_OWN = {
    "app.kubernetes.io/instance", "app.kubernetes.io/version", "app.kubernetes.io/managed-by", "helm.sh/chart",
    "helm.sh/resource-policy", "checksum/settings",
}  # fmt: skip
"""Labels and annotations that Kustomize has not."""
RUNNING: Mapping[str, Mapping[str, object]] = {"CronJob": {"suspend": False}, "Deployment": {"replicas": 1}}
"""Kind -> how a bot that is not suspended may be written."""
NO_NAMESPACE = ("Namespace", "ValidatingAdmissionPolicy")
"""How kinds begin that are in no namespace. Kustomize gives some of them one, which kubectl takes away again."""


def by_name(objects: Iterable[Object]) -> dict[str, Object]:
    """Kind, namespace unless it is the bot's, and name -> object, without what only Helm or only Kustomize writes."""
    return {_named(one): plain(one) for one in objects}


def _named(one: Object) -> str:
    namespace = one["metadata"].get("namespace", "creditbot")
    inside = namespace != "creditbot" and not one["kind"].startswith(NO_NAMESPACE)
    return f"{one['kind']} {f'{namespace}/' if inside else ''}{one['metadata']['name']}"


def plain(one: Object) -> Object:
    """The object without what only Helm or only Kustomize writes.

    That is the namespace, labels and annotations of Helm, the label that Kustomize gives to nothing of a component, the
    order of volumes, and how a bot that is not suspended is written.
    """
    one["metadata"].pop("namespace", None)
    one["metadata"].get("labels", {}).pop("app.kubernetes.io/name", None)
    for name, default in RUNNING.get(one["kind"], {}).items():
        if one["spec"].get(name) == default:
            del one["spec"][name]
    if one["kind"] in RUNNING:
        pod = pod_of(one)
        for named in (pod["volumes"], *(container["volumeMounts"] for container in pod["containers"])):
            named.sort(key=lambda entry: entry["name"])
    plain: Object = without_helms_own(one)
    return plain


def without_helms_own(value: Any) -> Any:
    """The same without Helm's own labels and annotations, at any depth."""
    if isinstance(value, dict):
        items = {key: without_helms_own(item) for key, item in value.items() if key not in HELMS_OWN}
        return {key: item for key, item in items.items() if item or key not in ("labels", "annotations")}
    return [without_helms_own(item) for item in value] if isinstance(value, list) else value


def pod_of(workload: Object) -> Object:
    """The specification of its pods."""
    spec: Object = workload["spec"].get("jobTemplate", workload)["spec"]["template"]["spec"]
    return spec
