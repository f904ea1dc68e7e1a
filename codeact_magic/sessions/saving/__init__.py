"""Sessions on disk: each is a notebook, which every step replaces whole.

Begin with saver.py, which the rest of the package uses to write, and loading.py, which it uses to read. Each module
knows one thing:

saver          when the file is written: in a thread of its own
session_file   whose file it is, what it is called, and which of its cells are encoded already
notebook       a session as cells, without loss
reading        cells as a session
earlier        observations as earlier versions saved them
validation     what the JSON of a session may hold (the only one to know pydantic)
encoding       cells as bytes, as nbformat writes them
large_outputs  the outputs that are in files beside the notebook
masking        what must not reach a file: secrets, and what UTF-8 or JSON cannot hold
loading        a file as a session
disk           claimed names, locks, files that are replaced at once

The package knows the values of session.py. It may not know where a session comes from or what is done with it: not the
shell, the kernels, the model, nor any front end.
"""
