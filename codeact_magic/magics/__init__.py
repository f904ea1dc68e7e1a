"""The magics `%%codeact` and `%codeact`, and the subcommands of the second.

Knows IPython's magics and what users type. Does not know how a turn works: the runner does. Begin reading at
`magic.CodeAct`.

magic     `%%codeact` and `%codeact`, loaded with the extension: it imports the rest on first use
commands  the subcommands of `%codeact`
saved     those of them that work on saved sessions
"""
