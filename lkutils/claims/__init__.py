"""The paper's claims, each put to our numbers by a rule."""
