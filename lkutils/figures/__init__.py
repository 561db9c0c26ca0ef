"""Figures: labelled data in, a matplotlib figure out, all in one style."""
