/* Time. Deadlines are milliseconds of CLOCK_BOOTTIME, which goes on while the
 * machine sleeps; wall-clock time is for showing only. Code that decides takes
 * `now_ms` as a parameter, so that a test can hold time still. */
#ifndef TERN_BASE_TICK_H
#define TERN_BASE_TICK_H

#include <stdint.h>

#define TICK_NEVER INT64_MAX

int64_t tick_ms(void);	 /* CLOCK_BOOTTIME */
int64_t tick_us(void);	 /* CLOCK_MONOTONIC, for measuring */
int64_t wall_now(void);	 /* seconds since 1970, UTC */

/* For poll(): ms until `deadline_ms`, -1 for TICK_NEVER, 0 if it has passed. */
int tick_until(int64_t now_ms, int64_t deadline_ms);

#endif
