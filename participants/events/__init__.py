"""What participants do: stored once, worked off in order, explained.

`ingest` stores events, `process` works them off, `apply` says what each does, `simulate` what one would do.
"""
