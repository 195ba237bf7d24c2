"""The parent's side of a worker: the process, its supervision, and what it is asked."""
