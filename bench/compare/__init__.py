"""Stored runs compared: what became slower or less exact between two measurements."""
