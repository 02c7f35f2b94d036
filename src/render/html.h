/* Between html.c and walk.c. */
#ifndef RENDER_HTML_H
#define RENDER_HTML_H

#include <gumbo.h>
#include "internal.h"

void html_walk(struct out *out, const GumboNode *root);

#endif
