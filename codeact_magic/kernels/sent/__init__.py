"""What travels as source into another kernel.

It may import only the standard library, `codeact_magic.text` and its like.

Knows an IPython shell from the inside. Begin reading at `inside.Probe`.

inside       answers questions about the shell, and has actions run as they should
names        which names code bound and changed
describe     what names stand for: types, libraries, the sources of functions
namespace    the user's variables in outline
handles      the display handles of pictures
fingerprint  what a variable's value is known by
"""
