"""Where the user sees a turn and is asked: a notebook, a page of JupyterLab, a terminal, a line of input.

Knows what users are shown and how they answer. Does not know models, sessions on disk, or how code runs. Begin
reading at `host.Host`, which brings an interpreter and its user together.

host             an interpreter and its user; the live shell's host
notebook         a turn, shown in the cell while it goes on
terminal         a turn, shown in a terminal
lab_page         a step as a JupyterLab page is shown it, and how the page is asked
control_channel  what such a page asks and says while a cell runs
stdin            a line of input, in a kernel and in a terminal
advice           hints, worded in the commands of each front end
captions         the lines below steps and turns, worded once for all of these
"""
