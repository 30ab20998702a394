"""Runs each notebook as a Kubernetes Job of the bot's own image: the port `Runner` for `RUNNER=job`.

    bot     runner.py      names the Job, creates it or finds it, waits for it, reads what it left
            manifests.py   the Job and its Secret, from the PodTemplate in the namespace of the Jobs
            cluster.py     the calls to the Kubernetes API
            endings.py     what a Job that left no result, or has not begun, means in words
    both    wire.py        the task in the Secret, the result in the bucket, the receipt in the termination message
    pod     __main__.py    runs the notebook as the bot would (`creditbot.adapters.notebooks`), and stores the result

What the pod needs comes in by a Secret that the Job owns, and what the notebook left goes out by OUTPUT_URI. The pod
has no token for the Kubernetes API and holds no secret of the bot but what notebooks may see. k8s/runs/ has the
namespace of the Jobs, and what may run there.
"""
