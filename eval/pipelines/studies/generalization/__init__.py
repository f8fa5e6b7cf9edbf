"""The generalisation study: its results, its page, its reproduction."""
