"""Stored runs compared: cases that became slower or less exact between two measurements."""
