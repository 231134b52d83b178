#include <png.h>

// Macros that Swift cannot import.
static const png_uint_32 ast_png_rgb = PNG_FORMAT_RGB;
static const png_uint_32 ast_png_rgb_colormap = PNG_FORMAT_RGB_COLORMAP;
