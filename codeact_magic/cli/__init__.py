"""The command `codeact`.

main      its arguments
chat      one prompt, or a conversation in the terminal
batch     verify, export and import many files
console   a terminal, or the streams of a script, as a front end
"""
