"""The command `codeact`.

main      its arguments
chat      a conversation in the terminal
batch     verify, export, import and the like, over many files
console   a terminal, or a script's streams, as the place where an agent is at work
"""
