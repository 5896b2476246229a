"""Random faults in the code, and whether a test notices them: `make mutants`.

A copy of the project gets one fault at a time, of mutmut's kinds, and runs the tests that execute its line, those of
its module first, until one fails. What is missed is printed with its place; what changes nothing that anybody can see
belongs into `equivalent.toml`, with the reason. The same seed draws the same faults from the same code.
"""
