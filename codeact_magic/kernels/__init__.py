"""Where actions run: the user's live shell, or a kernel of its own.

Knows IPython, Jupyter kernels and their messages. Does not know models, front ends or sessions on disk. Begin reading
at `live.executor.ShellExecutor`.

live      the user's shell: an action runs in a cell that is still running
separate  a kernel of its own, on this machine or on a Jupyter server
sent      what travels as source into another kernel, so that it needs nothing of ours
signals   interrupts
"""
