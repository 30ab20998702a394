"""creditbot answers credit requests in a Slack channel: Looker link -> SQL -> notebook -> credit -> one reply."""
