"""Runs notebooks in processes beside the bot. It knows nothing of Slack, Looker or the state, and never holds a secret.

    bot               slack_sdk, looker_sdk, the secrets            adapters/notebooks/
    └ host            papermill, which executes the cells           __main__.py, executor.py
      └ fork server   ipykernel and what the notebooks import       fork_server.py
        └ kernel      a fresh fork for every run                    kernels.py is the host's side of it

The bot sends a notebook's path and the SQL, and gets back what the notebook left, see `wire.py`.

The fork server is there for speed, which is a requirement: a request takes 0.7 of the time of one `papermill` command,
a backlog of a hundred takes 0.11 of the time of a hundred of them (`make bench` measures both), and in real time an
answer has to come in less than a second. A notebook spends most of its time on imports. So the three processes import
at the same time, and what the notebooks need is imported once, not once per run.

Each process ends when its parent does: it sees the end of its stdin, which SIGKILL of the parent causes as well.
"""
