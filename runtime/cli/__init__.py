"""The commands of the runtime, added to `pricing` through the hook that any plugin uses.

`commands` declares them and their options; each imports its work when it is called. Exit codes are those of `pricing`:
0 fine, 1 the program has errors or an audit finds something, 2 a wrong call.
"""
