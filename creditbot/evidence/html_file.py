"""Renders HTML files that are safe to open from anywhere: each is one file that runs no script and loads nothing. Pure.

The templates of a page and its values come in; the text of the file goes out. `templates/document.html` is around all
of them: its Content-Security-Policy allows the file's own style sheet and, where a page asks for it, pictures that are
in the file. Whatever stands in the values is escaped.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.metadata
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

_TEMPLATES = Path(__file__).parent / "templates"


def environment(folder: Path = _TEMPLATES, **filters: Callable[..., str]) -> Environment:
    """The templates in a folder, which may extend `document.html`; name -> filter that they use."""
    loader = FileSystemLoader([folder, _TEMPLATES])
    made = Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    made.filters |= filters
    return made


def render(templates: Environment, name: str, style: str, **values: Any) -> str:
    """A file from a template that extends `document.html`.

    Args:
        templates: from `environment`.
        name: of the template.
        style: its style sheet.
        values: for the template.
    """
    style_hash = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return templates.get_template(name).render(style=style, style_hash=style_hash, version=_version(), **values)


@cache
def base_style() -> str:
    """The style sheet of the pages, on which that of the report builds."""
    return (_TEMPLATES / "page.css").read_text(encoding="utf-8")


@cache
def _version() -> str:
    """Of creditbot. To find it takes longer than all the rest of a page."""
    return importlib.metadata.version("creditbot")
