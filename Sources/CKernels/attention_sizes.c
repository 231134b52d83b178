#include "attention.h"

static long rounded_up(long value, long step) { return (value + step - 1) / step * step; }

long ast_attention_key_count(long tokens, long width) {
  return rounded_up(tokens, AST_ATTENTION_PANEL) * rounded_up(width, 2);
}

long ast_attention_value_count(long tokens, long width) {
  return rounded_up(tokens, AST_ATTENTION_PANEL) * rounded_up(width, AST_ATTENTION_PANEL);
}

long ast_attention_scratch_bytes(long tokens, long width) {
  const long columns = rounded_up(tokens, AST_ATTENTION_PANEL);
  return AST_ATTENTION_QUERIES * (columns * 4 + columns * 2 + rounded_up(width, 32) * 2);
}
