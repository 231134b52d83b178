"""What import_petl and import_ast_pth share. See docs/importing.md."""
