"""`creditbot audit`: compares everything that is known of past requests, and says what does not agree.

Nothing is written, and nothing is posted. Exit codes: 0 everything agrees, 1 something does not, 2 an error.
"""

from __future__ import annotations

import sys
from argparse import Namespace

from creditbot.bootstrap import Assembly, assemble
from creditbot.commands.audit_output import audit_json, audit_lines
from creditbot.commands.output import names_of, say
from creditbot.insight.audit import audit
from creditbot.insight.audit_reading import AuditReader, Sources
from creditbot.machine import exact_json
from creditbot.settings.settings import Settings
from creditbot.text.known_secrets import without_known_secrets


def run(options: Namespace) -> int:
    """Audits all requests, or those since a day, and prints what it found."""
    assembly = assemble(Settings.load())
    found = audit(reader_of(assembly), assembly.ports.clock, assembly.rules.channels, options.since)
    names = names_of(assembly.people(), {user for overlap in found.overlaps for user in overlap.approved_by})
    if options.json:
        print(without_known_secrets(exact_json.write(audit_json(found, names))))
    else:
        for line in audit_lines(found, names):
            say(line)
    return 0 if found.agrees else 1


def reader_of(assembly: Assembly) -> AuditReader:
    """What reads for an audit, from the parts of a bot that are needed for it."""
    ports = assembly.ports
    sources = Sources(ports.state, ports.log, ports.summaries, ports.pages, ports.inbox, tell=_tell)
    return AuditReader(sources)


def _tell(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
