/* The only file that sees libetpan's IMAP. It believes what it parses, crashes
 * on some (quotes that hold line ends, deep nesting) and wraps numbers: so a
 * scan comes first, and nothing but a value that passed is ever shown to it. */
#include "bodystructure.h"

#include <libetpan/libetpan.h>
#include <string.h>
#include "tern/base/buf.h"
#include "tern/base/mem.h"
#include "tern/base/utf8.h"
#include "tern/base/vec.h"
#include "tern/mime.h"
#include "tokens.h"

enum {
	MAX_RAW_BYTES = 1024 * 1024,
	MAX_LISTS = 20000,
	MAX_TEXT_BYTES = 500,	      /* of one field */
	MAX_ALL_TEXT_BYTES = 256 * 1024, /* of a structure: it travels in a frame */
};

struct bodystructure_parser {
	mailimap *session; /* NULL: make one */
	struct buf canned; /* what the driver will give */
	size_t given;
};

/* --- The memory stream ------------------------------------------------------ */

static ssize_t
memory_read(mailstream_low *low, void *out, size_t max)
{
	struct bodystructure_parser *p = low->data;
	size_t n = p->canned.len - p->given;

	if (n == 0)
		return -1; /* never 0: the literal reader would spin for ever */
	if (n > max)
		n = max;
	memcpy(out, p->canned.ptr + p->given, n);
	p->given += n;
	return (ssize_t)n;
}

static ssize_t
memory_write(mailstream_low *low, const void *data, size_t n)
{
	return (ssize_t)n;
}

static int
memory_close(mailstream_low *low)
{
	return 0;
}

static int
memory_fd(mailstream_low *low)
{
	return -1;
}

static void
memory_free(mailstream_low *low)
{
	free(low);
}

static void
memory_cancel(mailstream_low *low)
{
}

static struct mailstream_cancel *
memory_get_cancel(mailstream_low *low)
{
	return NULL;
}

static carray *
memory_certificates(mailstream_low *low)
{
	return NULL;
}

static int
memory_idle(mailstream_low *low)
{
	return -1;
}

static mailstream_low_driver memory_driver = {
	memory_read,   memory_write,	  memory_close,	       memory_fd,   memory_free, memory_cancel,
	memory_get_cancel, memory_certificates, memory_idle, memory_idle, memory_idle,
};

static void
can(struct bodystructure_parser *p, const char *text)
{
	buf_reset(&p->canned);
	p->given = 0;
	buf_adds(&p->canned, text);
}

static void
drop_session(struct bodystructure_parser *p)
{
	buf_reset(&p->canned);
	p->given = 0;
	if (p->session)
		mailimap_free(p->session); /* says LOGOUT to nobody */
	p->session = NULL;
}

static bool
make_session(struct bodystructure_parser *p)
{
	mailstream_low *low = mailstream_low_new(p, &memory_driver);
	mailstream *stream = low ? mailstream_new(low, 8192) : NULL;

	p->session = stream ? mailimap_new(0, NULL) : NULL;
	if (!p->session) {
		if (stream)
			mailstream_close(stream);
		return false;
	}
	can(p, "* PREAUTH x\r\n");
	if (mailimap_connect(p->session, stream) == MAILIMAP_NO_ERROR_NON_AUTHENTICATED ||
	    p->session->imap_state == MAILIMAP_STATE_AUTHENTICATED)
		return true;
	drop_session(p);
	return false;
}

struct bodystructure_parser *
bodystructure_parser_new(void)
{
	struct bodystructure_parser *p = xcalloc(1, sizeof(*p));

	buf_init(&p->canned);
	return p;
}

void
bodystructure_parser_free(struct bodystructure_parser *p)
{
	if (!p)
		return;
	drop_session(p);
	buf_release(&p->canned);
	free(p);
}

/* --- The scan before it ---------------------------------------------------------- */

/* Quoted strings without line ends, plain literals, numbers of 32 bits, lists
 * not too deep and not too many, nothing behind the value. */
static bool
is_presentable(struct str raw)
{
	struct tokens t = tokens_of(raw);
	struct str s;
	size_t depth = 0, lists = 0;

	if (raw.len > MAX_RAW_BYTES || raw.len < 2 || raw.ptr[0] != '(')
		return false;
	while (t.p < t.end) {
		const char *start = t.p;
		switch (*t.p) {
		case '(':
			if (++depth > STRUCTURE_MAX_DEPTH + 10 || ++lists > MAX_LISTS)
				return false;
			t.p++;
			break;
		case ')':
			if (depth-- == 0)
				return false;
			t.p++;
			break;
		case ' ':
			t.p++;
			break;
		case '"':
			if (!tok_string(&t, NULL, &s) || memchr(s.ptr, '\n', s.len) ||
			    memchr(s.ptr, '\r', s.len) || memchr(s.ptr, '\0', s.len))
				return false;
			break;
		case '{':
			if (!tok_string(&t, NULL, &s) || memchr(start, '+', (size_t)(s.ptr - start)))
				return false;
			break;
		default:
			if (!tok_atom(&t, &s) || memchr(s.ptr, '{', s.len))
				return false;
			uint32_t number;
			if (ascii_is_digit(s.ptr[0]) && !str_u32(s, &number))
				return false;
		}
	}
	return depth == 0;
}

/* --- Conversion -------------------------------------------------------------------- */

struct conversion {
	struct arena *a;
	VEC(struct part) parts;
	size_t text_bytes;
	bool is_too_big;
	struct buf scratch;
};

/* A bounded, valid copy without controls. */
static struct str
text(struct conversion *c, const char *s, bool to_lower)
{
	struct buf b = BUF_INIT;

	if (!s || !*s)
		return STR_NONE;
	utf8_add_valid(&b, str_n(s, strnlen(s, MAX_TEXT_BYTES)));
	for (size_t i = 0; i < b.len; i++) {
		unsigned char ch = (unsigned char)b.ptr[i];
		b.ptr[i] = ch < ' ' || ch == 0x7f ? ' ' : to_lower ? (char)ascii_lower(ch) : (char)ch;
	}
	c->text_bytes += b.len;
	struct str copy = arena_str(c->a, buf_str(&b));
	buf_release(&b);
	return copy;
}

static bool
is_token(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || strchr("()<>@,;:\\\"/[]?=", *s))
			return false;
	return true;
}

/* "; name=value" as a header may carry it. */
static void
add_param(struct buf *out, const char *name, const char *value)
{
	if (!*name || !is_token(name))
		return;
	buf_addf(out, "; %s=", name);
	if (*value && is_token(value)) {
		buf_adds(out, value);
		return;
	}
	buf_addc(out, '"');
	for (; *value; value++) {
		if (*value == '"' || *value == '\\')
			buf_addc(out, '\\');
		buf_addc(out, (unsigned char)*value < ' ' || *value == 0x7f ? ' ' : *value);
	}
	buf_addc(out, '"');
}

static bool
is_own_field(const char *name)
{
	return str_ieqc(str_c(name), "charset") || str_ieqc(str_c(name), "boundary");
}

/* Parameters of Content-Type: charset and boundary have fields of their own.
 * What is too long is left out whole: half a parameter would be another one. */
static void
take_type_params(struct conversion *c, struct part *p, const struct mailimap_body_fld_param *list)
{
	buf_reset(&c->scratch);
	for (clistiter *i = list ? clist_begin(list->pa_list) : NULL; i; i = clist_next(i)) {
		const struct mailimap_single_body_fld_param *param = clist_content(i);
		const char *name = param->pa_name ? param->pa_name : "";
		const char *value = param->pa_value ? param->pa_value : "";
		if (str_ieqc(str_c(name), "charset") && p->charset.len == 0)
			p->charset = text(c, value, false);
		if (str_ieqc(str_c(name), "boundary") && p->boundary.len == 0)
			p->boundary = text(c, value, false);
		if (is_own_field(name) || c->scratch.len + strlen(name) + strlen(value) > MAX_TEXT_BYTES)
			continue;
		add_param(&c->scratch, name, value);
	}
	p->params = text(c, c->scratch.ptr, false);
}

/* The file name, decoded as a header's would be (RFC 2231, RFC 2047). */
static struct str
param_decoded(struct conversion *c, const struct mailimap_body_fld_param *list, const char *wanted)
{
	struct mime_value v;

	if (!list)
		return STR_NONE;
	buf_reset(&c->scratch);
	buf_adds(&c->scratch, "x");
	for (clistiter *i = clist_begin(list->pa_list); i; i = clist_next(i)) {
		const struct mailimap_single_body_fld_param *param = clist_content(i);
		if (param->pa_name && param->pa_value &&
		    str_istarts(str_c(param->pa_name), wanted) && c->scratch.len < 8192)
			add_param(&c->scratch, param->pa_name, param->pa_value);
	}
	if (c->scratch.len == 1)
		return STR_NONE;
	mime_parse_value(c->a, arena_str(c->a, buf_str(&c->scratch)), STR_NONE, &v);
	struct str value = mime_param(&v, wanted);
	return text(c, arena_cstr(c->a, value), false);
}

static struct str
decoded(struct conversion *c, const char *s)
{
	if (!s)
		return STR_NONE;
	buf_reset(&c->scratch);
	mime_decode_text(&c->scratch, str_n(s, strnlen(s, 2000)), STR_NONE);
	return text(c, c->scratch.ptr, false);
}

static void
take_disposition(struct conversion *c, struct part *p, const struct mailimap_body_fld_dsp *d)
{
	if (!d)
		return;
	p->disposition = text(c, d->dsp_type, true);
	p->name = param_decoded(c, d->dsp_attributes, "filename");
}

static const char *
encoding_name(const struct mailimap_body_fld_enc *e)
{
	static const char *const names[] = {
		[MAILIMAP_BODY_FLD_ENC_7BIT] = "7bit",
		[MAILIMAP_BODY_FLD_ENC_8BIT] = "8bit",
		[MAILIMAP_BODY_FLD_ENC_BINARY] = "binary",
		[MAILIMAP_BODY_FLD_ENC_BASE64] = "base64",
		[MAILIMAP_BODY_FLD_ENC_QUOTED_PRINTABLE] = "quoted-printable",
	};

	if (!e)
		return "";
	if (e->enc_type >= 0 && (size_t)e->enc_type < ARRAY_LEN(names))
		return names[e->enc_type];
	return e->enc_value ? e->enc_value : "";
}

static void
take_fields(struct conversion *c, struct part *p, const struct mailimap_body_fields *f)
{
	if (!f)
		return;
	take_type_params(c, p, f->bd_parameter);
	if (p->name.len == 0)
		p->name = param_decoded(c, f->bd_parameter, "name");
	p->content_id = text(c, f->bd_id, false);
	p->description = decoded(c, f->bd_description);
	p->encoding = text(c, encoding_name(f->bd_encoding), true);
	p->size_octets = f->bd_size;
}

static void
take_basic_type(struct conversion *c, struct part *p, const struct mailimap_media_basic *m)
{
	static const char *const names[] = {
		[MAILIMAP_MEDIA_BASIC_APPLICATION] = "application",
		[MAILIMAP_MEDIA_BASIC_AUDIO] = "audio",
		[MAILIMAP_MEDIA_BASIC_IMAGE] = "image",
		[MAILIMAP_MEDIA_BASIC_MESSAGE] = "message",
		[MAILIMAP_MEDIA_BASIC_VIDEO] = "video",
	};

	if (!m)
		return;
	bool is_named = m->med_type >= 0 && (size_t)m->med_type < ARRAY_LEN(names) &&
			names[m->med_type];
	p->type = is_named ? str_c(names[m->med_type]) : text(c, m->med_basic_type, true);
	p->subtype = text(c, m->med_subtype, true);
}

/* Where a body's children hang: the section that their numbers follow. */
static struct str
numbered(struct conversion *c, struct str prefix, unsigned number)
{
	if (prefix.len == 0)
		return str_c(arena_printf(c->a, "%u", number));
	return str_c(arena_printf(c->a, "%.*s.%u", STR_ARG(prefix), number));
}

static bool convert(struct conversion *c, const struct mailimap_body *body, unsigned depth,
		    struct str section, bool is_whole);

static struct part *
add_part(struct conversion *c, unsigned depth, struct str section, size_t *at_out)
{
	struct part p = { .depth = (uint8_t)depth, .section = section };

	if (depth > STRUCTURE_MAX_DEPTH || c->parts.n == STRUCTURE_MAX_PARTS ||
	    c->text_bytes > MAX_ALL_TEXT_BYTES) {
		c->is_too_big = true;
		return NULL;
	}
	*at_out = c->parts.n;
	vec_push(&c->parts, p);
	return &c->parts.v[*at_out];
}

static bool
convert_multipart(struct conversion *c, const struct mailimap_body_type_mpart *m, unsigned depth,
		  struct str section)
{
	size_t at;
	struct part *p = m ? add_part(c, depth, section, &at) : NULL;
	unsigned n = 0;

	if (!p)
		return false;
	p->type = STR("multipart");
	p->subtype = text(c, m->bd_media_subtype, true);
	if (m->bd_ext_mpart) {
		take_type_params(c, p, m->bd_ext_mpart->bd_parameter);
		take_disposition(c, p, m->bd_ext_mpart->bd_disposition);
	}
	for (clistiter *i = clist_begin(m->bd_list); i; i = clist_next(i))
		if (!convert(c, clist_content(i), depth + 1, numbered(c, section, ++n), false))
			return false;
	c->parts.v[at].n_children = n;
	return n > 0; /* Gmail has sent a multipart of nothing for what it could not read */
}

static bool
convert_single(struct conversion *c, const struct mailimap_body_type_1part *s, unsigned depth,
	       struct str section)
{
	size_t at;
	struct part *p = s ? add_part(c, depth, section, &at) : NULL;
	const struct mailimap_body *inner = NULL;

	if (!p)
		return false;
	if (s->bd_ext_1part)
		take_disposition(c, p, s->bd_ext_1part->bd_disposition);
	if (s->bd_type == MAILIMAP_BODY_TYPE_1PART_TEXT && s->bd_data.bd_type_text) {
		p->type = STR("text");
		p->subtype = text(c, s->bd_data.bd_type_text->bd_media_text, true);
		p->n_lines = s->bd_data.bd_type_text->bd_lines;
		take_fields(c, p, s->bd_data.bd_type_text->bd_fields);
	} else if (s->bd_type == MAILIMAP_BODY_TYPE_1PART_MSG && s->bd_data.bd_type_msg) {
		p->type = STR("message");
		p->subtype = STR("rfc822");
		p->n_lines = s->bd_data.bd_type_msg->bd_lines;
		take_fields(c, p, s->bd_data.bd_type_msg->bd_fields);
		inner = s->bd_data.bd_type_msg->bd_body;
	} else if (s->bd_data.bd_type_basic) {
		take_basic_type(c, p, s->bd_data.bd_type_basic->bd_media_basic);
		take_fields(c, p, s->bd_data.bd_type_basic->bd_fields);
	}
	if (!inner)
		return true;
	p->n_children = 1;
	return convert(c, inner, depth + 1, section, true);
}

/* `section` is that of the part; of the message around it if is_whole: then a
 * multipart shares it, and a single part is its part 1. */
static bool
convert(struct conversion *c, const struct mailimap_body *body, unsigned depth, struct str section,
	bool is_whole)
{
	if (!body)
		return false;
	if (body->bd_type == MAILIMAP_BODY_MPART)
		return convert_multipart(c, body->bd_data.bd_body_mpart, depth, section);
	return convert_single(c, body->bd_data.bd_body_1part, depth,
			      is_whole ? numbered(c, section, 1) : section);
}

static const struct mailimap_body *
find_body(const mailimap *session)
{
	clist *list = session->imap_response_info ? session->imap_response_info->rsp_fetch_list : NULL;

	for (clistiter *i = list ? clist_begin(list) : NULL; i; i = clist_next(i)) {
		struct mailimap_msg_att *att = clist_content(i);
		for (clistiter *k = clist_begin(att->att_list); k; k = clist_next(k)) {
			struct mailimap_msg_att_item *item = clist_content(k);
			if (item->att_type == MAILIMAP_MSG_ATT_ITEM_STATIC &&
			    item->att_data.att_static->att_type == MAILIMAP_MSG_ATT_BODYSTRUCTURE)
				return item->att_data.att_static->att_data.att_bodystructure;
		}
	}
	return NULL;
}

int
bodystructure_parse(struct bodystructure_parser *p, struct str raw, struct arena *a,
		    struct structure *out, struct err *err)
{
	struct conversion c = { .a = a, .parts = VEC_INIT, .scratch = BUF_INIT };
	bool is_good = false;

	if (!is_presentable(raw))
		return err_set(err, ERR_PROTO, "a message structure that cannot be read");
	if (!p->session && !make_session(p))
		return err_set(err, ERR_SYSTEM, "cannot start libetpan");
	can(p, "* 1 FETCH (BODYSTRUCTURE ");
	buf_addstr(&p->canned, raw);
	buf_addf(&p->canned, ")\r\n%d OK x\r\n", p->session->imap_tag + 1);
	int r = mailimap_custom_command(p->session, "NOOP");
	const struct mailimap_body *body = r == MAILIMAP_NO_ERROR ? find_body(p->session) : NULL;
	if (body)
		is_good = convert(&c, body, 0, STR_NONE, true);
	if (is_good) {
		out->n_parts = c.parts.n;
		out->parts = arena_alloc(a, c.parts.n * sizeof(*out->parts));
		memcpy(out->parts, c.parts.v, c.parts.n * sizeof(*out->parts));
	}
	vec_release(&c.parts);
	buf_release(&c.scratch);
	if (r != MAILIMAP_NO_ERROR) /* whatever is left in it is not trusted */
		drop_session(p);
	if (!is_good)
		return err_set(err, ERR_PROTO, c.is_too_big ? "a message structure that is too big"
							    : "a message structure that cannot be read");
	return 0;
}
