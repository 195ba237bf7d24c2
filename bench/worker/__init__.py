"""The child process: the only place where a framework is imported. It needs NumPy and its framework."""
