"""The calls that the commands are made of, for programs, notebooks and tests."""
