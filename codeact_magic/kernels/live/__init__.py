"""Runs actions in the user's live IPython shell.

Knows IPython's internals. Does not know Jupyter's messages. Begin reading at `executor.ShellExecutor.run`.

executor       runs an action as a nested cell, and watches the names in the shell
nested         makes a nested cell behave like a cell of the user's
recorder       records outputs while they are shown
output_record  the recorded outputs, within limits
"""
