"""Files, lines, columns, locks and downloads."""
