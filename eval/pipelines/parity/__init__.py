"""Native retrievers against their reference."""
