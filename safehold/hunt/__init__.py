"""The hunt for the smallest fault that breaks the satellite.

`bisection` finds the boundary of a fault's size, onset or duration between survived and broken; `search`
draws schedules of faults, contacts and commands with hypothesis and shrinks what breaks. Both leave scenario
files that `safehold run` replays.
"""
