"""What can be measured: activations with exact values, cases, dtypes, sizes and inputs."""
