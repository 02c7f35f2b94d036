/* Modified UTF-7. */
#include "tern/base/mutf7.h"

#include <string.h>
#include "tern/base/utf8.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+,";

/* A run of base64 being written: bits not yet out. */
struct shifted {
	struct buf *out;
	uint32_t bits;
	int n_bits;
	bool is_open;
};

static void
add_unit(struct shifted *s, uint32_t unit)
{
	if (!s->is_open) {
		buf_addc(s->out, '&');
		s->is_open = true;
		s->bits = 0;
		s->n_bits = 0;
	}
	s->bits = (s->bits << 16) | unit;
	for (s->n_bits += 16; s->n_bits >= 6;) {
		s->n_bits -= 6;
		buf_addc(s->out, digits[(s->bits >> s->n_bits) & 63]);
	}
}

static void
close_run(struct shifted *s)
{
	if (!s->is_open)
		return;
	if (s->n_bits > 0)
		buf_addc(s->out, digits[(s->bits << (6 - s->n_bits)) & 63]);
	buf_addc(s->out, '-');
	s->is_open = false;
}

static bool
is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0);
}

int
mutf7_encode(struct buf *out, struct str name, struct err *err)
{
	struct shifted s = { out, 0, 0, false };

	if (!utf8_is_valid(name))
		return err_set(err, ERR_USER, "the mailbox name is not valid UTF-8");
	for (size_t i = 0; i < name.len;) {
		uint32_t cp;
		i += utf8_decode(str_from(name, i), &cp);
		if (is_control(cp))
			return err_set(err, ERR_USER, "a mailbox name cannot hold control characters");
		if (cp >= 0x10000) {
			add_unit(&s, 0xd800 + ((cp - 0x10000) >> 10));
			add_unit(&s, 0xdc00 + ((cp - 0x10000) & 0x3ff));
		} else if (cp >= 0x80) {
			add_unit(&s, cp);
		} else {
			close_run(&s);
			buf_addc(out, (char)cp);
			if (cp == '&')
				buf_addc(out, '-');
		}
	}
	close_run(&s);
	return 0;
}

static bool
is_unit_allowed(uint32_t cp)
{
	return cp >= 0x80 && !is_control(cp) && !(cp >= 0xd800 && cp < 0xe000);
}

/* Units to characters: a high surrogate waits for its low one. */
static bool
take_unit(struct buf *out, uint32_t *high, uint32_t unit)
{
	if (*high) {
		if (unit < 0xdc00 || unit > 0xdfff)
			return false;
		utf8_add(out, 0x10000 + ((*high - 0xd800) << 10) + (unit - 0xdc00));
		*high = 0;
		return true;
	}
	if (unit >= 0xd800 && unit <= 0xdbff) {
		*high = unit;
		return true;
	}
	if (!is_unit_allowed(unit))
		return false;
	utf8_add(out, unit);
	return true;
}

/* `run` is what stands between & and -. */
static bool
decode_run(struct buf *out, struct str run)
{
	uint32_t bits = 0, high = 0;
	int n_bits = 0;

	if (run.len == 0) {
		buf_addc(out, '&');
		return true;
	}
	for (size_t i = 0; i < run.len; i++) {
		const char *digit = run.ptr[i] ? strchr(digits, run.ptr[i]) : NULL;
		if (!digit)
			return false;
		bits = (bits << 6) | (uint32_t)(digit - digits);
		n_bits += 6;
		if (n_bits < 16)
			continue;
		n_bits -= 16;
		if (!take_unit(out, &high, (bits >> n_bits) & 0xffff))
			return false;
	}
	/* Less than a digit is left, all zero, and no half of a pair. */
	return high == 0 && n_bits < 6 && (bits & ((1u << n_bits) - 1)) == 0;
}

static bool
decode(struct buf *out, struct str wire)
{
	bool is_behind_run = false;

	for (size_t i = 0; i < wire.len; i++) {
		unsigned char c = (unsigned char)wire.ptr[i];
		if (c < 0x20 || c > 0x7e)
			return false;
		if (c != '&') {
			buf_addc(out, (char)c);
			is_behind_run = false;
			continue;
		}
		long end = str_find(str_from(wire, i + 1), '-');
		/* Two runs side by side would have been one. */
		if (end < 0 || (is_behind_run && end > 0))
			return false;
		if (!decode_run(out, str_head(str_from(wire, i + 1), (size_t)end)))
			return false;
		is_behind_run = end > 0;
		i += (size_t)end + 1;
	}
	return true;
}

bool
mutf7_decode(struct buf *out, struct str wire)
{
	size_t start = out->len;

	if (decode(out, wire))
		return true;
	buf_truncate(out, start);
	return false;
}

void
mutf7_show(struct buf *out, struct str wire)
{
	if (!mutf7_decode(out, wire))
		utf8_add_valid(out, wire);
}
