"""Where the state and the summaries are kept: a file, a ConfigMap, a folder, a bucket.

It stores text under a version. It does not know what the text means.
"""
