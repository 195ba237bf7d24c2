"""Faults injected into small runs and sweeps at random moments: what is lost, and what stays."""
