/* The debug log: a file, never the screen. One line per event with time,
 * process and category. What is logged must not hold secrets; text from
 * outside is written with its control characters escaped. */
#ifndef TERN_BASE_LOG_H
#define TERN_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_ERROR = 1, LOG_WARN = 1, LOG_INFO = 2, LOG_WIRE = 3, LOG_DEBUG = 4, LOG_TRACE = 5 };

/* Append to `path` (created 0600), lines up to `level`; 0 turns logging off.
 * `process` names this program in each line. */
int log_open(const char *path, int level, const char *process);
void log_use_fd(int fd, int level, const char *process); /* an fd we were handed */
int log_fd(void); /* -1 when off */
int log_level(void);
void log_at(int level, const char *category, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
