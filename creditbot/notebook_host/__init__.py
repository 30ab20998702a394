"""The processes beside the bot that run notebooks. They never hold one of its secrets.

    bot       slack_sdk, looker_sdk, the secrets                      adapters/notebooks/process.py
    └ host    papermill, scrapbook; JSON lines on stdin and stdout    __main__.py
      └ nursery    ipykernel and what the notebooks import            nursery.py
        └ kernel   a fresh fork for every notebook

Three because there is more to import than to compute: Looker's client, papermill and pandas are imported at the same
time. Each ends when its parent does: the end of stdin is the signal, and SIGKILL of the parent gives it too.
"""
