"""What creditbot costs, measured beside what the same costs without it: `python -m bench`."""
