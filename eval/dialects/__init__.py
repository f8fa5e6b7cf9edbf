"""Other tools' rules, so that their numbers can be had and explained from ours."""
