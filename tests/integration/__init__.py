"""Against a real broker and a real store."""
