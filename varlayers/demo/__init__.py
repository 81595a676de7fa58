"""The main job, `python -m varlayers`: three networks read digits, and doubt some."""
