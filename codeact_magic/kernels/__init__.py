"""Where actions run: the user's live shell, or a separate kernel.

Knows IPython, Jupyter kernels and their messages. Does not know models, front ends or saved sessions. Begin reading at
`live.executor.ShellExecutor`, or at `separate.executor.KernelExecutor`.

interpreter  the interface of both, and their options
live         the user's shell: an action runs in a cell that is still running
separate     a separate kernel, on this machine or on a Jupyter server
sent         code that travels as source into a separate kernel
signals      interrupts
"""
