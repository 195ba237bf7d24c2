"""The regression gate: two trees compared for time and exactness, with a bound on false alarms."""
