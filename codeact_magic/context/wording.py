"""The sentences that tell the model how its code ended.

The context writes them, and the import of training data recognizes them, so they stand here for both. To reword one of
the beginnings in `NEVER_RAN`, add the new one: exported data still have the old one.
"""

from __future__ import annotations

# The code did not run.
REJECTED = "The user rejected this code"
STOPPED = "The user stopped here"
NOT_RUN = "The code was not run"
UNDECIDED = f"{NOT_RUN}: nobody decided about it."
NOT_BEGUN = f"{NOT_RUN}: it was stopped before it began."
REPEATED = "You proposed the same code again"
NEVER_RAN = (REJECTED, STOPPED, NOT_RUN, REPEATED)

# The code ran.
EDITED = "The user edited your code before running it:\n"
OUTPUT = "Output:\n"
SILENT = "The code ran and printed nothing."
RAISED = "The code raised an error:"
ADVICE = "Find the cause, then run corrected code."
INTERRUPTED = "The code was interrupted before it was done."
BROKEN_OFF = "The run of the code broke off; how far it came is not known."
