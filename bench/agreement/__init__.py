"""How right a result is: exact values, the ulp meter and the sweep over inputs."""
