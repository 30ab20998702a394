"""Notebooks as Jobs on a real node: replies appear once, whatever dies, and amounts are those of the other runner.

The sandbox is beside the bot, with a bucket. The bundled notebook runs on the sandbox's warehouse. Where something has
to die at a certain moment, a notebook runs that takes as long as the account of its SQL says.
"""

from __future__ import annotations

import json
from collections import Counter

import pytest

from creditbot.sandbox.seed import explore_address, psms, verify
from creditbot.sandbox.world import LOOKER
from tests.cluster.bot import REFERENCE
from tests.cluster.jobs_bot import OPEN, JobsBot, amounts_in
from tests.cluster.kubectl import until
from tests.support.sampling import ALL

pytestmark = [pytest.mark.cluster, pytest.mark.controllers, pytest.mark.node, pytest.mark.timeout(1800)]

MANY, ROUNDS = (50, 3) if ALL else (4, 1)
"""Requests that are answered while ticks and Jobs are killed, and how many ticks are killed."""

BOTH_RUNNERS = """
import json, os, re, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
def amount(link, runner):
    environ = {**os.environ, "RUNNER": runner}
    command = ["creditbot", "compute", link, "--page", f"/tmp/{runner}.html"]
    done = subprocess.run(command, env=environ, capture_output=True, text=True)
    return re.findall(r"^ +(?:\\w+, \\$|flagged: ).*", done.stdout, re.M) or done.stdout + done.stderr
with ThreadPoolExecutor() as pool:
    both = [list(pool.map(amount, [link] * 2, ("process", "job"))) for link in json.loads(sys.argv[1])]
print(json.dumps(both))"""
"""Run in place of the bot: each link by both runners, which run at the same time."""


@pytest.fixture
def bot(bot_with_jobs: JobsBot) -> JobsBot:
    """The bot, which other files use, too."""
    return bot_with_jobs


def test_the_sandboxs_requests_are_answered(bot: JobsBot) -> None:
    """By Jobs, with the bundled notebooks; nothing of them is left."""
    amounts = amounts_in(Counter(bot.replies()))
    assert (1, True) == (amounts[REFERENCE], len(amounts) >= 3)
    assert not bot.runs.json("get", "jobs")["items"]


def test_the_amounts_are_those_of_the_other_runner(bot: JobsBot) -> None:
    """The bundled notebooks on the sandbox's warehouse, both products, to the cent."""
    queries = [verify("AC-sandbox-0001"), verify("AC-sandbox-0002"), psms("AC-sandbox-0003")]
    links = [explore_address(query).replace(LOOKER, "http://sandbox:8081") for query in queries]
    bot.use("/app/notebooks/verify_credit.ipynb")
    job = bot.start("python", "-c", BOTH_RUNNERS, json.dumps(links))
    assert bot.completes(job)
    bot.use("/notebooks/amount.ipynb")
    amounts = json.loads(bot.kubectl("logs", f"job/{job}", "--container=creditbot").splitlines()[-1])
    assert all(process == job for process, job in amounts), amounts
    assert "verify, $4,948.80, SQL " in amounts[0][0][0]


def test_a_tick_that_is_killed_leaves_a_job_that_the_next_one_finds(bot: JobsBot) -> None:
    """The notebook runs once, and the request is answered once."""
    before, made = len(bot.replies()), bot.made()
    bot.ask("AC-slow-1")
    job = bot.start_mortal()
    until(bot.running)
    bot.kill(job)
    (run,) = bot.running()
    bot.let_time_pass()
    bot.tick()
    assert before + 1 == len(bot.replies())
    assert any("Approved, $1.01, exceptions" in reply for reply in bot.replies())
    assert Counter([run]) == bot.made() - made
    assert not bot.runs.json("get", "jobs,secrets", f"--selector=creditbot/run={run.split('-')[1]}")["items"]


def test_a_job_whose_pod_is_killed_is_run_again(bot: JobsBot) -> None:
    """The attempt has failed; the next one has another Job, and the request is answered once."""
    before = len(bot.replies())
    bot.ask("AC-slow-2")
    job = bot.start()
    until(bot.running)
    (pod,) = bot.running().values()
    bot.runs("delete", "pod", pod, "--force", "--grace-period=0")
    assert bot.completes(job)
    assert 1 == bot.ended()["failed"]
    bot.let_time_pass()
    bot.tick()
    assert before + 1 == len(bot.replies())
    assert any("Approved, $1.02, exceptions" in reply for reply in bot.replies())


def test_many_requests_are_answered_once_whatever_dies(bot: JobsBot) -> None:
    """Ticks and pods of notebooks are killed while they work; in the end each request has its own amount, once."""
    before = Counter(bot.replies())
    accounts = {f"AC-quick-{number}": f"{1 + number / 100:.2f}" for number in range(100, 100 + MANY)}
    bot.ask(*accounts)
    for _ in range(ROUNDS):
        job = bot.start_mortal()
        for _ in range(3):
            bot.kill_a_notebook(job)
        bot.kill(job)
        bot.let_time_pass()
    for _ in range(8):
        bot.tick()
        bot.let_time_pass()
        if not bot.ended().keys() & OPEN:
            break
    replies = Counter(bot.replies()) - before
    assert {f"Approved, ${amount}, exceptions": 1 for amount in accounts.values()} == amounts_in(replies)
    assert not bot.ended().keys() & OPEN
