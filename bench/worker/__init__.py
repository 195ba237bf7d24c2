"""The child process, the only place that imports a framework; it needs NumPy besides."""
