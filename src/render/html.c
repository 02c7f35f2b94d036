/* HTML into a tree, in bounded memory and time; what the parser gives up is shown
 * without its tags. The tree becomes text in walk.c.
 *
 * gumbo (HTML5's own parsing rules, no network, no scripts, no entities from
 * outside) rather than libxml2, whose HTML parser is that of HTML 4 and takes
 * most real mail apart differently than its writer saw it. gumbo's memory comes
 * from here, so that it is bounded and goes at once: its own destructor recurses.
 * Nesting is cut before it parses, because its time grows with depth. */
#include <setjmp.h>
#include <string.h>
#include <time.h>
#include "html.h"

#define MAX_PARSE_SECONDS 3

/* --- Memory for the parser ---------------------------------------------------- */

struct block {
	struct block *next, *prev;
	size_t size;
	size_t unused_; /* keeps what follows aligned to 16 */
};

struct pool {
	struct block head;
	size_t used_bytes;
	unsigned n_calls;
	clock_t until;
	jmp_buf give_up;
};

static void *
pool_alloc(void *ctx, size_t size)
{
	struct pool *p = ctx;
	struct block *b;

	if (size > RENDER_MAX_HTML_MEMORY || p->used_bytes + size > RENDER_MAX_HTML_MEMORY)
		longjmp(p->give_up, 1);
	if (++p->n_calls % 1024 == 0 && clock() > p->until)
		longjmp(p->give_up, 1);
	b = malloc(sizeof(*b) + size);
	if (b == NULL)
		longjmp(p->give_up, 1);
	b->size = size + sizeof(*b);
	p->used_bytes += b->size;
	b->next = p->head.next;
	b->prev = &p->head;
	if (b->next != NULL)
		b->next->prev = b;
	p->head.next = b;
	return b + 1;
}

static void
pool_free(void *ctx, void *ptr)
{
	struct pool *p = ctx;

	if (ptr == NULL)
		return;
	struct block *b = (struct block *)ptr - 1;
	b->prev->next = b->next;
	if (b->next != NULL)
		b->next->prev = b->prev;
	p->used_bytes -= b->size;
	free(b);
}

static void
pool_release(struct pool *p)
{
	while (p->head.next != NULL)
		pool_free(p, p->head.next + 1);
}
/* --- Before the parser --------------------------------------------------------------------- */

/* Elements that close by themselves, or are empty, make no depth. */
static bool
makes_depth(struct str name)
{
	static const char *const flat[] = { "p",    "li",   "td",    "tr",    "th",    "dt",   "dd",
					    "br",   "hr",   "img",   "input", "meta",  "link", "area",
					    "base", "col",  "embed", "param", "wbr",   "html", "body",
					    "head", "tbody", "thead", "tfoot", "option", "source" };

	for (size_t i = 0; i < ARRAY_LEN(flat); i++)
		if (str_ieqc(name, flat[i]))
			return false;
	return true;
}

static size_t
tag_bytes(struct str s)
{
	char quote = '\0';

	for (size_t i = 1; i < s.len; i++) {
		if (quote != '\0')
			quote = s.ptr[i] == quote ? '\0' : quote;
		else if (s.ptr[i] == '>')
			return i + 1;
		else if ((s.ptr[i] == '"' || s.ptr[i] == '\'') && s.ptr[i - 1] == '=')
			quote = s.ptr[i];
	}
	return s.len;
}

struct nesting {
	struct str open[RENDER_MAX_HTML_DEPTH];
	size_t n;
};

/* False for a start tag that is nested too deep. */
static bool
keep_tag(struct nesting *nest, struct str tag)
{
	bool is_end = tag.len > 1 && tag.ptr[1] == '/';
	struct str name = str_from(tag, is_end ? 2 : 1);
	size_t n = 0;

	while (n < name.len && n < 32 && (ascii_is_alnum(name.ptr[n]) || name.ptr[n] == '-'))
		n++;
	name = str_head(name, n);
	if (n == 0 || !makes_depth(name))
		return true;
	if (!is_end && nest->n == RENDER_MAX_HTML_DEPTH)
		return false;
	if (!is_end) {
		nest->open[nest->n++] = name;
		return true;
	}
	for (size_t i = nest->n; i-- > 0;) {
		if (!str_ieq(nest->open[i], name))
			continue;
		nest->n = i;
		break;
	}
	return true;
}

static void
cut_nesting(struct buf *out, struct str s)
{
	static struct nesting nest;

	nest.n = 0;
	buf_reserve(out, s.len);
	while (s.len > 0) {
		const char *lt = memchr(s.ptr, '<', s.len);
		size_t n = lt != NULL ? (size_t)(lt - s.ptr) : s.len;
		buf_add(out, s.ptr, n);
		s = str_from(s, n);
		if (s.len == 0)
			break;
		bool is_tag = s.len > 1 && (ascii_is_alpha(s.ptr[1]) || s.ptr[1] == '/');
		n = is_tag ? tag_bytes(s) : 1;
		if (!is_tag || keep_tag(&nest, str_head(s, n)))
			buf_add(out, s.ptr, n);
		s = str_from(s, n);
	}
}

/* What is left when the parser gave up: the text without its tags. */
static void
strip_tags(struct out *out, struct str s)
{
	struct plain p;

	out_notice(out, 0, "[this HTML is too complex; its text without any layout]");
	plain_init(&p, out, NULL);
	while (s.len > 0) {
		const char *lt = memchr(s.ptr, '<', s.len);
		size_t n = lt != NULL ? (size_t)(lt - s.ptr) : s.len;
		plain_feed(&p, str_head(s, n), false);
		s = str_from(s, n);
		s = str_from(s, s.len > 0 ? tag_bytes(s) : 0);
	}
	plain_feed(&p, STR_NONE, true);
	plain_release(&p);
}

void
html_render(struct out *out, struct str utf8)
{
	static struct pool pool;
	GumboOptions options = kGumboDefaultOptions;
	struct buf html = BUF_INIT;
	struct str s = str_head(utf8, RENDER_MAX_HTML_BYTES);

	cut_nesting(&html, s);
	memset(&pool, 0, sizeof(pool));
	pool.until = clock() + MAX_PARSE_SECONDS * CLOCKS_PER_SEC;
	options.allocator = pool_alloc;
	options.deallocator = pool_free;
	options.userdata = &pool;
	options.max_errors = 0;
	if (setjmp(pool.give_up) != 0) {
		strip_tags(out, s);
	} else {
		GumboOutput *tree = gumbo_parse_with_options(&options, html.ptr, html.len);
		html_walk(out, tree->root);
	}
	pool_release(&pool);
	buf_release(&html);
	if (s.len < utf8.len)
		out_notice(out, 0, "[the text is longer than can be shown here]");
}

struct str
html_charset(struct str bytes)
{
	struct str s = str_head(bytes, 2048);
	long at;

	while ((at = str_find(s, '=')) >= 0) {
		bool is_it = at >= 7 && str_ieqc(str_head(str_from(s, (size_t)at - 7), 7), "charset");
		s = str_from(s, (size_t)at + 1);
		if (!is_it)
			continue;
		while (s.len > 0 && (s.ptr[0] == '"' || s.ptr[0] == '\'' || s.ptr[0] == ' '))
			s = str_from(s, 1);
		size_t n = 0;
		while (n < s.len && n < 40 && strchr("\"'>; /", s.ptr[n]) == NULL)
			n++;
		return str_head(s, n);
	}
	return STR_NONE;
}
