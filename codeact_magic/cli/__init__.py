"""The command `codeact`.

Knows command lines, exit statuses and the streams of a process. Does not know how a turn works: the runner does. Begin
reading at `main.main`, or at `chat.running`, which sets up a runner with a kernel of its own.

main      the arguments of the command
chat      one prompt, or a conversation in the terminal
batch     verify, export and import many files
console   a terminal, or the streams of a script, as a front end
"""
