"""Campaigns: many runs from one definition, flown, kept by content, analysed and reported."""
