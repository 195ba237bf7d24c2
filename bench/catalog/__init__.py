"""The things to measure: activations with exact values, cases, dtypes, sizes and inputs."""
