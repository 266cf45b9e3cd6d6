"""From a summary to something that can be read: a format-neutral report, and formats that render it."""
