"""The magics `%%codeact` and `%codeact`, and the subcommands of the second.

Knows IPython's magics and their arguments. Does not know how a turn works: the runner does. Begin reading at
`magic.CodeAct`, or at `registry` to add a subcommand.

magic      `%%codeact` and `%codeact`, loaded with the extension; it imports the rest on first use
commands   which subcommand a line means; the list of them, completions, the table in the README
registry   how a subcommand is declared
arguments  the arguments that several subcommands share
status, turns, listing, reopening, insert, models   the subcommands
printing   helpers of those that print tables
"""
