"""The calls about participants, a room for each subject."""
