"""The plant: orbit, attitude, environment, sensors, actuators, power, thermal, the space link, faults,
truth.
"""
