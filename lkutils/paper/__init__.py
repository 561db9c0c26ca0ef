"""What the paper did: its data sets, networks, settings and games."""
