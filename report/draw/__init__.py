"""Charts as SVG text that takes its colours from the page."""
