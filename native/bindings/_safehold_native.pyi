"""Types of the compiled module."""

DICTIONARY_SHA256: str
ABI: int
