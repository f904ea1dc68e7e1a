"""Runs recorded code again: in this kernel to have its variables, or in another to compare or to prove.

Knows the code blocks of a session, and the observations of a new run. Does not know in which kernel that run happens:
it uses an `agent.Executor` or an `engine.Engine`. Begin reading at `rerun.verify`.

replay  runs the code of a session in this kernel, each block approved
rerun   runs a session in a new kernel, and compares the observations
report  the result of that, as a table
proof   runs a slice of a session beside the whole
engine  the interface of a kernel that code runs in again
"""
