"""Recorded code run again: in this kernel to have its variables, or in another to compare or to prove.

Knows what a session recorded and what running it again gave. Does not know which kernel it runs in: `engine.Engine`
is all that it asks of one. Begin reading at `rerun.verify`.

replay   the code of a session, run again in this kernel, each piece approved
rerun    a session, run again in a fresh kernel and compared with what it recorded
report   what came of that, as a table
proof    a slice of a session, run beside the whole
engine   where the code runs
"""
