"""The chaos proof: the live service under load while its parts are killed, put to sleep, restarted and rolled back."""
