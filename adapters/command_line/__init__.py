"""The command line: `hookflash COMMAND`.

One module for each group of commands. None of them imports the engine or the wire before its
command runs, so that `hookflash --help` answers at once. Results go to stdout, messages for people
to stderr; every failure is one line and an exit code.
"""
