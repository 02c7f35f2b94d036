#include "tern/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"

static struct {
	int fd;
	int level;
	const char *process;
} the_log = { -1, 0, "" };

void
log_use_fd(int fd, int level, const char *process)
{
	if (the_log.fd >= 0 && the_log.fd != fd)
		close(the_log.fd);
	the_log.fd = fd;
	the_log.level = fd < 0 ? 0 : level;
	the_log.process = process;
}

int
log_open(const char *path, int level, const char *process)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -1;
	log_use_fd(fd, level, process);
	return 0;
}

int
log_fd(void)
{
	return the_log.fd;
}

int
log_level(void)
{
	return the_log.level;
}

static void
add_escaped(struct buf *line, const char *text)
{
	for (const unsigned char *p = (const unsigned char *)text; *p != '\0'; p++) {
		if (*p == '\t' || (*p >= 0x20 && *p != 0x7f))
			buf_addc(line, (char)*p);
		else
			buf_addf(line, "\\x%02x", *p);
	}
}

void
log_at(int level, const char *category, const char *fmt, ...)
{
	if (level > the_log.level || the_log.fd < 0)
		return;
	int saved_errno = errno;
	struct buf line = BUF_INIT, text = BUF_INIT;
	struct timespec ts;
	struct tm tm;
	char stamp[32];
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&text, fmt, ap);
	va_end(ap);
	clock_gettime(CLOCK_REALTIME, &ts);
	localtime_r(&ts.tv_sec, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%d %H:%M:%S", &tm);
	buf_addf(&line, "%s.%03ld %s[%d] %s: ", stamp, ts.tv_nsec / 1000000, the_log.process,
		 (int)getpid(), category);
	add_escaped(&line, text.ptr);
	buf_addc(&line, '\n');
	/* One write per line, so that lines of several programs do not mix. A full
	 * disk must not stop the program: what cannot be logged is dropped. */
	if (write(the_log.fd, line.ptr, line.len) < 0)
		errno = 0;
	buf_release(&text);
	buf_release(&line);
	errno = saved_errno;
}
