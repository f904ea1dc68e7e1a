"""Attacks on the running product: what is promised is tried, and counted: `python -m tests.attack`, or `make attack`.

    snippets   code with an effect, which must be asked about, and daily code, which must not
    control    requests to the control channel that must not decide
    page       outputs that run script in JupyterLab and try to approve the step that waits
    secrets    secrets of the environment, which may show up nowhere
    faults     Stop in hard places, a full disk, broken objects
    fuzz       the reader, the scan, the session loader and the control channel, fed with anything

What does not hold is not hidden: the run names it, and ends with status 1.
"""
