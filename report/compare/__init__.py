"""One model of comparison: settings, ratios, order."""
