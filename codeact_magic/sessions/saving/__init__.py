"""Sessions on disk: notebooks that are whole at any time, and cost the same however long they are.

notebook      a session as an .ipynb, without loss
saver         the thread that keeps a file up to date; loading
sessionfile   what stands where in a file: only its tail is written
journal       what is to be written, in case that this process ends in it
recovery      what a journal means for the file that is there now
shelf         large outputs, in files beside the notebook
disk          locks, drafts, and whose file it is
"""
