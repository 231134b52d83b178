"""Code shared by import_petl and import_ast_pth. See docs/importing.md."""
