"""Measurements and comparisons, all as ratios where possible. Nothing imports this package."""
