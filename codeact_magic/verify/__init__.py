"""Runs recorded code again: in this kernel to have its variables, or in another to compare or to prove.

Knows the code blocks of a session, and the observations of a new run. Does not know in which kernel that run happens:
it uses an `agent.Executor` or a `separate_kernel.SeparateKernel`. Begin reading at `rerun.verify`.

replay           runs the code of a session in this kernel, each block approved
rerun            runs a session in a new kernel, and compares the observations
report           the result of that, as a table
proof            runs a slice of a session beside the whole
separate_kernel  the interface of a kernel in which code runs again
"""
