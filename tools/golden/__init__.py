"""Makes the reference numbers that the tests compare with. See docs/exactness.md."""
