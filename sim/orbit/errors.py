"""What can be wrong with an orbit that a user gives."""


class OrbitInputError(ValueError):
    """An orbit cannot be flown as given: which key, what it holds, what would be right."""

    def __init__(self, key: str, value: object, expected: str) -> None:
        super().__init__(f"{key} = {value!r}: {expected}")
        self.key = key
        self.value = value
        self.expected = expected


class TleError(OrbitInputError):
    """Two-line elements that are damaged or out of range."""


class OmmError(OrbitInputError):
    """An orbit mean-elements message that lacks a field or holds one out of range."""
