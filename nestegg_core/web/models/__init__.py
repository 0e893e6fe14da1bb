"""What comes in and what goes out, one file for each resource.

Requests validate with these models. Answers are encoded straight from rows, and these models
document them; the tests hold the two together.
"""
