/* Pins: lines `#pin HOST:PORT key-sha256:HEX` in $certificate_file. No OpenSSL
 * here: the manager links this file alone. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/fs.h"
#include "tern/base/mem.h"

enum { KEY_HEX = 64, MAX_FILE = 16 * 1024 * 1024 };

static char *
host_and_port(const char *host, uint16_t port)
{
	return str_find(str_c(host), ':') >= 0 ? xasprintf("[%s]:%u", host, port) :
						 xasprintf("%s:%u", host, port);
}

/* 1 if the line is a pin of `name`; then *key_out is what it holds. */
static bool
is_pin_of(struct str line, const char *name, struct str *key_out)
{
	struct str word;

	if (!str_next_word(&line, &word) || !str_eqc(word, "#pin"))
		return false;
	if (!str_next_word(&line, &word) || !str_ieqc(word, name))
		return false;
	*key_out = STR_NONE;
	if (str_next_word(&line, &word) && str_starts(word, "key-sha256:"))
		*key_out = str_from(word, sizeof("key-sha256:") - 1);
	return true;
}

enum pin_state
pin_find(struct str pins, const char *host, uint16_t port, const char *key_sha256, int *line_out)
{
	char *name = host_and_port(host, port);
	enum pin_state state = PIN_NONE;
	struct str line, key;

	*line_out = 0;
	for (int number = 1; state != PIN_MATCHES && str_next(&pins, '\n', &line); number++) {
		if (!is_pin_of(line, name, &key))
			continue;
		/* A pin that cannot be read is still a pin: it lets nothing pass. */
		state = str_ieqc(key, key_sha256) ? PIN_MATCHES : PIN_DIFFERS;
		*line_out = number;
	}
	free(name);
	return state;
}

static int
check_pin(const char *host, const char *key, struct err *err)
{
	struct str h = str_c(host), k = str_c(key);

	for (size_t i = 0; i < h.len; i++)
		if ((unsigned char)h.ptr[i] <= ' ' || (unsigned char)h.ptr[i] >= 0x7f)
			return err_set(err, ERR_USER, "cannot pin a certificate: bad host name");
	for (size_t i = 0; i < k.len; i++)
		if (!ascii_is_digit(k.ptr[i]) && !(k.ptr[i] >= 'a' && k.ptr[i] <= 'f'))
			return err_set(err, ERR_USER, "cannot pin a certificate: bad fingerprint");
	if (h.len == 0 || h.len > 255 || k.len != KEY_HEX)
		return err_set(err, ERR_USER, "cannot pin a certificate: bad fingerprint");
	return 0;
}

/* Appended, not replaced: the file may be a link into someone's dotfiles. */
static int
append_line(const char *path, struct str old, const char *line, struct err *err)
{
	struct buf text = BUF_INIT;
	int rc = -1;
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_errno(err, errno, "cannot write '%s'", path);
	if (old.len > 0 && !str_ends(old, "\n"))
		buf_addc(&text, '\n');
	buf_addf(&text, "%s\n", line);
	if (fs_write_all(fd, text.ptr, text.len, err) == 0)
		rc = fsync(fd) < 0 ? err_errno(err, errno, "cannot write '%s'", path) : 0;
	close(fd);
	buf_release(&text);
	return rc;
}

int
net_pin_save(const char *path, const char *host, uint16_t port, const char *key_sha256,
	     struct err *err)
{
	struct buf old = BUF_INIT;
	int line, rc = 0;

	if (check_pin(host, key_sha256, err) < 0)
		return -1;
	if (access(path, F_OK) == 0 && fs_read(path, MAX_FILE, &old, err) < 0) {
		buf_release(&old);
		return -1;
	}
	if (pin_find(buf_str(&old), host, port, key_sha256, &line) != PIN_MATCHES) {
		char *name = host_and_port(host, port);
		char *pin = xasprintf("#pin %s key-sha256:%s", name, key_sha256);
		rc = append_line(path, buf_str(&old), pin, err);
		free(pin);
		free(name);
	}
	buf_release(&old);
	return rc;
}
