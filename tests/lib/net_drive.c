#include "lib/test.h"
#include "lib/net_drive.h"

#include <dirent.h>
#include <errno.h>
#include <sys/wait.h>
#include "tern/base/tick.h"

/* One turn of the loop; false when time is up. */
static bool
turn(struct net_stream *s, int64_t limit_ms)
{
	struct pollfd fds[NET_MAX_FDS];
	int64_t now = tick_ms();
	int64_t until = net_deadline(s) < limit_ms ? net_deadline(s) : limit_ms;
	size_t n = net_poll(s, fds);

	assert_true(n <= NET_MAX_FDS);
	poll(fds, n, tick_until(now, until));
	net_on_ready(s, tick_ms());
	return tick_ms() < limit_ms;
}

enum net_state
net_drive_to(struct net_stream *s, enum net_state state)
{
	int64_t limit = tick_ms() + 20000;

	while (net_state(s) < state && net_state(s) != NET_QUESTION)
		if (!turn(s, limit))
			fail_msg("stuck in '%s'", net_state_name(net_state(s)));
	return net_state(s);
}

void
net_drive_read(struct net_stream *s, size_t enough, struct buf *out)
{
	int64_t limit = tick_ms() + 20000;
	struct err err = ERR_INIT;
	char bytes[5000];

	while (out->len < enough) {
		ssize_t n = net_read(s, bytes, sizeof(bytes), &err);
		if (n < 0)
			return;
		buf_add(out, bytes, (size_t)n);
		if (n == 0 && !turn(s, limit))
			fail_msg("nothing more to read after %zu bytes", out->len);
	}
}

void
net_drive_out(struct net_stream *s)
{
	int64_t limit = tick_ms() + 20000;

	net_pause(s, true);
	while (net_state(s) == NET_OPEN && net_queued_bytes(s) > 0)
		if (!turn(s, limit))
			fail_msg("%zu bytes do not go out", net_queued_bytes(s));
	net_pause(s, false);
}

int
test_count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = -1; /* the directory's own */

	assert_non_null(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

bool
test_has_children(void)
{
	siginfo_t info;

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}
