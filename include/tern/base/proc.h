/* Starting child processes. No shell unless the caller names one, no
 * inherited descriptors but those listed, signals at their defaults. */
#ifndef TERN_BASE_PROC_H
#define TERN_BASE_PROC_H

#include <stddef.h>
#include <sys/types.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"

struct proc_fd {
	int parent_fd; /* ours */
	int child_fd;  /* what the child sees it as */
};

enum proc_flags {
	PROC_SETSID = 1 << 0,	 /* a session of its own: survives our terminal */
	PROC_FOREGROUND = 1 << 1, /* stays in our process group (an editor) */
};

/* Start argv[0] (a path, or a name sought in PATH). 0, 1, 2 are /dev/null
 * unless in `fds`. Returns the pid, or -1 with *err. */
pid_t proc_start(const char *const *argv, const struct proc_fd *fds, size_t n_fds,
		 enum proc_flags flags, struct err *err);

/* The path of one of our own programs: beside the running binary when it was
 * started from the build tree, else in libexec. Yours to free. */
char *proc_find(const char *program);

#endif
