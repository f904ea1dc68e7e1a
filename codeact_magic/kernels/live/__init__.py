"""Runs code in a live IPython shell, and watches what it shows and what it names.

executor   runs an action as a cell of its own in a cell that is still running
nested     how a nested cell behaves as one of the user's own
recorder   what a run shows, recorded while it is shown
record     the record, within limits
handles    values that are no output
names      the names that code binds, and what they stand for
"""
