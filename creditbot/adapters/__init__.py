"""The outside, behind the ports: Slack, Looker, notebooks, summaries and the state."""
