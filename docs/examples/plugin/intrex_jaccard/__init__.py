"""An index kind of another package; see docs/plugins.md of intrex."""
