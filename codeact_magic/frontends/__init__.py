"""The front ends, on which the user sees a turn and decides: a notebook, a lab page, a terminal, a line of input.

Knows how turns are shown and how users answer. Does not know models, sessions on disk, or how code runs. Begin reading
at `front_end.FrontEnd`. To add a front end, write a module like `terminal` and add a line to `host.FRONT_ENDS`.

front_end        the interface of a front end, with its capabilities
host             an interpreter and its user; the front ends that a live shell can have
notebook         the front end of a kernel: Markdown in the cell, updated while the turn goes on
lab_page         a step as a lab page is shown it, and how the user is asked there
control_channel  the requests of a lab page while a cell runs
terminal         the front end of a terminal
screen           a terminal that text is written to
stdin            a line of input, in a kernel and in a terminal
next_cell        code for a notebook whose cells cannot be inserted
advice           hints, worded in the commands of each front end
captions         the lines below steps and turns, worded once for all front ends
"""
