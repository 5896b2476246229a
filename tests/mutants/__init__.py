"""Random faults in the code, and whether a test notices: `make mutants`. README.md says how to read the answer."""
