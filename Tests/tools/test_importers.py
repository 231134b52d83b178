#!/usr/bin/env python3
"""All tests of the importers: python Tests/tools/test_importers.py, one to two minutes."""

import unittest
from pathlib import Path

if __name__ == "__main__":
    unittest.main(
        module=None, argv=["test_importers", "discover", "-s", str(Path(__file__).parent), "-p", "test_import_*.py"]
    )
