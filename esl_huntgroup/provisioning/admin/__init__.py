"""What administrators change and look at, without a command line: reading, checked changes, and their audit."""
