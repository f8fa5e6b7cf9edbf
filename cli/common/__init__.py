"""Options, tables and messages that several commands share."""
