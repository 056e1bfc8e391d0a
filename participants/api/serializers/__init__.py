"""The shapes of participants, of what they do and of what they hold, in the API."""
