"""Code shared by import_bin, import_petl and import_ast_pth. See docs/importing.md."""

import sys

try:
    import safetensors  # noqa: F401
    import torch  # noqa: F401
except ModuleNotFoundError as missing:
    sys.exit(f"{sys.argv[0]}: {missing.name} is missing: pip install torch safetensors")
