"""Built-in scenarios: TOML files, installed as data."""
