#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include "tern/base/mem.h"
#include "tern/base/tick.h"
#include "tern/net.h"

int
net_timer_open(struct err *err)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot make a timer");
	return fd;
}

void
net_timer_set(int timer_fd, int64_t deadline_ms)
{
	struct itimerspec at = { 0 };

	if (deadline_ms != TICK_NEVER) {
		/* All zero would stop it: a deadline in the past is "now". */
		if (deadline_ms < 1)
			deadline_ms = 1;
		at.it_value.tv_sec = (time_t)(deadline_ms / 1000);
		at.it_value.tv_nsec = (long)(deadline_ms % 1000) * 1000000;
	}
	/* Setting it also forgets that it has fired. */
	if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &at, NULL) < 0)
		BUG("timerfd_settime: errno %d", errno);
}
