"""Sessions that outlive a kernel: on disk, by thread, and as training data.

Knows files and the notebook format. Does not know front ends, models or running code. Begin reading at
`threads.Threads` for the sessions of a kernel, at `saving` for their files.

saving         one session as a notebook that is whole at any time
threads        the sessions of a kernel, one for each thread, and the saved ones by name
training_data  sessions as training data, and back
code_blocks    the code that ran in a session, block by block
"""
