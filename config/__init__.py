"""What operators change: settings, policies and calendars."""
