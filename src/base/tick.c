#include "tern/base/tick.h"

#include <limits.h>
#include <time.h>

static int64_t
read_us(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

int64_t
tick_ms(void)
{
	return read_us(CLOCK_BOOTTIME) / 1000;
}

int64_t
tick_us(void)
{
	return read_us(CLOCK_MONOTONIC);
}

int64_t
wall_now(void)
{
	return read_us(CLOCK_REALTIME) / 1000000;
}

int
tick_until(int64_t now_ms, int64_t deadline_ms)
{
	if (deadline_ms == TICK_NEVER)
		return -1;
	if (deadline_ms <= now_ms)
		return 0;
	return deadline_ms - now_ms > INT_MAX ? INT_MAX : (int)(deadline_ms - now_ms);
}
