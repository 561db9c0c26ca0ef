"""The library behind the executable book."""
