"""What the bot's ports raise when something goes wrong outside."""

from creditbot.errors import (
    LOOKER,
    NOTEBOOK_JOBS,
    SLACK,
    SUMMARY_STORE,
    THIS_MACHINE,
    WAREHOUSE,
    NotebookFailed,
    NotebookStopped,
    PostRefused,
    PostUnknown,
    Refused,
    Unreachable,
)

LOOKER_DOWN = Unreachable(LOOKER, "Looker is down.", "It is tried again.")
WAREHOUSE_DOWN = Unreachable(WAREHOUSE, "The warehouse is down.")
SLACK_SLOW = Unreachable(SLACK, "Slack is slow.")
DISK_FULL = Unreachable(SUMMARY_STORE, "The disk is full.")
NO_ROOM = Unreachable(THIS_MACHINE, "No room is left.")
NO_JOBS = Refused(NOTEBOOK_JOBS, "Kubernetes refuses a Job.")
NOTEBOOK_BROKEN = Refused("the notebook verify.ipynb", "It is not a notebook.")
NOTEBOOK_FAILED = NotebookFailed("The notebook raised KeyError.", "Open it.")
NOTEBOOK_STOPPED = NotebookStopped("The notebook ran out of time.", "Make it faster.")
SILENCE = PostUnknown("Slack did not answer.")
RATE_LIMITED = PostRefused("Slack limits our rate.", retry=True)
ARCHIVED = PostRefused("The channel is archived.", "Unarchive it.", retry=False)
