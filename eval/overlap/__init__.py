"""The leakage audit: what test queries share with training queries."""
