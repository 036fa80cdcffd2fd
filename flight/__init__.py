"""The flight software's Python face: dictionary, frames, and the computer that runs the C++ replicas."""
