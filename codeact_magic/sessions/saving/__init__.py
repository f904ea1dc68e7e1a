"""Sessions on disk: each is a notebook, which every step replaces whole.

Begin with saver.py, which the rest of the package uses to write, and loading.py, which it uses to read. Each module
knows one thing:

saver          when the file is written: in a thread of its own
session_file   whose file it is, its name, and which of its cells are encoded already
to_notebook    a session as cells, without loss
from_notebook  cells as a session
earlier        observations as earlier versions saved them
validation     the JSON that a session may hold (the only one to know pydantic)
encoding       cells as bytes, as nbformat writes them
large_outputs  the outputs that are in files beside the notebook
masking        keeps secrets, and characters that UTF-8 cannot hold, out of the file
loading        a file as a session
disk           claimed names, locks, files that are replaced at once

The package knows the values of session.py. It may not know the origin of a session or its use: not the
shell, the kernels, the model, nor any front end.
"""
