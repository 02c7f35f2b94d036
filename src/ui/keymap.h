/* Between keymap.c and keys.c. */
#ifndef UI_KEYMAP_H
#define UI_KEYMAP_H

#include "tern/ui.h"

enum keymap_match { KEYMAP_NONE, KEYMAP_PREFIX, KEYMAP_EXACT };

/* What the keys mean in a map and its fallback; *n_used_out of them are meant,
 * the others are to be read again. */
enum keymap_match keymap_match(const struct ui_keymap *km, int map, const uint32_t *keys,
			       size_t n_keys, size_t *n_used_out,
			       const struct ui_binding **binding_out);
bool keymap_takes_text(const struct ui_keymap *km, int map);

#endif
