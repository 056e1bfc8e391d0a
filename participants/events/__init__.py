"""Events, what participants do: stored once, processed in order, explained.

`ingest` stores them, `queue` claims them, `process` runs them, `apply` decides what each does, `outcome` is what each led to.
"""
