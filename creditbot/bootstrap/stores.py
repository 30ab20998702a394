"""Settings become stores: where summaries, pages, models, the log and the state are kept."""

from __future__ import annotations

from creditbot.ports import (
    LogStore,
    Models,
    Notebooks,
    Pages,
    ReportStore,
    StateStore,
    SummaryStore,
)
from creditbot.settings.settings import Settings, StateConfigMap


def make_summaries(settings: Settings) -> SummaryStore:
    """Where summaries are kept."""
    from creditbot.adapters.storage.summaries import ObjectSummaries

    return ObjectSummaries(settings.output_uri)


def make_pages(settings: Settings) -> Pages:
    """Where the pages of requests are kept: beside their summaries."""
    from creditbot.adapters.storage.pages import ObjectPages

    return ObjectPages(settings.output_uri, settings.evidence_url)


def make_notebooks(settings: Settings) -> Notebooks:
    """Where the versions of notebooks are kept: beside the summaries."""
    from creditbot.adapters.storage.notebooks import ObjectNotebooks

    return ObjectNotebooks(settings.output_uri)


def make_report_store(settings: Settings) -> ReportStore:
    """Where the report is kept: beside the summaries."""
    from creditbot.adapters.storage.report import ObjectReport

    return ObjectReport(settings.output_uri, settings.evidence_url)


def make_log(settings: Settings) -> LogStore:
    """Where the log of ends is kept: beside the summaries."""
    from creditbot.adapters.storage.log_files import ObjectLog

    return ObjectLog(settings.output_uri)


def make_models(settings: Settings) -> Models:
    """Where the models of second opinions are kept: beside the summaries."""
    from creditbot.adapters.storage.models import ObjectModels

    return ObjectModels(settings.output_uri)


def make_state(settings: Settings) -> StateStore:
    """Where the state is kept."""
    target = settings.state
    if isinstance(target, StateConfigMap):
        from creditbot.adapters.storage.configmap_state import ConfigMapStore

        return ConfigMapStore(target.namespace, target.name)
    from creditbot.adapters.storage.file_state import FileStore

    return FileStore(target.path)
