/* Key codes: what the terminal's input, `bind` and macros speak of.
 *
 * A code is a Unicode character (control characters included: Ctrl-A is 1,
 * Tab 9, Enter 10, Return 13, Escape 27), or one of the named keys below, which
 * may carry modifiers. Alt-x is two keys, Escape and x, as in mutt. The codes
 * are not curses's. */
#ifndef TERN_KEY_H
#define TERN_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "tern/base/buf.h"
#include "tern/base/str.h"

enum {
	KEYC_NONE = 0,
	KEYC_TAB = '\t',
	KEYC_ENTER = '\n',  /* <Enter>: what ^J sends */
	KEYC_RETURN = '\r', /* <Return>: what the key sends on most terminals */
	KEYC_ESC = 27,
	KEYC_SPACE = ' ',

	KEYC_BASE = 0x110000, /* behind the last Unicode character */
	KEYC_UP = KEYC_BASE,
	KEYC_DOWN,
	KEYC_LEFT,
	KEYC_RIGHT,
	KEYC_HOME,
	KEYC_END,
	KEYC_PAGEUP,
	KEYC_PAGEDOWN,
	KEYC_INSERT,
	KEYC_DELETE,
	KEYC_BACKSPACE,
	KEYC_BACKTAB,
	KEYC_KP_ENTER,
	KEYC_F1 = KEYC_BASE + 0x100,
	KEYC_F20 = KEYC_F1 + 19,
	KEYC_F63 = KEYC_F1 + 62, /* Shift-F1 and so on, as terminals count */

	/* Only with named keys. */
	KEYC_SHIFT = 1 << 24,
	KEYC_CTRL = 1 << 25,
	KEYC_ALT = 1 << 26,
	KEYC_MODIFIERS = KEYC_SHIFT | KEYC_CTRL | KEYC_ALT,
};

/* The longest sequence that can be bound. */
#define KEY_MAX_SEQ 16

static inline bool
key_is_char(uint32_t key)
{
	return key < KEYC_BASE;
}

/* Take one key off the front of *text, in mutt's notation: <F1>, <Up>, <s-Left>,
 * <Space>, <Esc>, <0177> (octal), or a character (UTF-8). Control characters
 * stand for themselves: \Cx, ^x and \e have been read by then. KEYC_NONE at the end.
 * Text in < > that is no key name is given in *name_out (without < >), with
 * KEYC_NONE returned: a function in a macro. name_out NULL: then `<` is a key. */
uint32_t key_next(struct str *text, struct str *name_out);

/* A key sequence of `bind`, where ^X is a control character too: the number of
 * keys, 0 when there are none or more than `max`. */
size_t key_parse(struct str text, uint32_t *keys_out, size_t max);

/* A name without < >: "F1", "s-Up", "Esc"; KEYC_NONE if it is none. */
uint32_t key_by_name(struct str name);

/* Append the key as key_parse() reads it: "a", "^X", "<Up>", "<Space>". */
void key_add(struct buf *b, uint32_t key);
void key_add_seq(struct buf *b, const uint32_t *keys, size_t n);

#endif
