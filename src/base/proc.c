#include "tern/base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/mem.h"
#include "tern/have.h"

/* In the child, between fork and exec: only async-signal-safe calls. */
static void
arrange_fds(const struct proc_fd *fds, size_t n_fds)
{
	int moved[64];
	int highest = 2;

	for (size_t i = 0; i < n_fds; i++)
		if (fds[i].child_fd > highest)
			highest = fds[i].child_fd;
	/* First out of the way of every target, then each to its place. */
	for (size_t i = 0; i < n_fds; i++)
		moved[i] = fcntl(fds[i].parent_fd, F_DUPFD, highest + 1);
	int null_fd = open("/dev/null", O_RDWR);
	for (int fd = 0; fd <= 2; fd++)
		dup2(null_fd, fd);
	for (size_t i = 0; i < n_fds; i++)
		dup2(moved[i], fds[i].child_fd);
	/* Close all the rest, gaps between targets included. */
	for (int fd = 3; fd <= highest; fd++) {
		size_t i = 0;
		while (i < n_fds && fds[i].child_fd != fd)
			i++;
		if (i == n_fds)
			close(fd);
	}
	syscall(SYS_close_range, (unsigned)highest + 1, ~0U, 0);
}

static void
reset_signals(void)
{
	struct sigaction sa = { .sa_handler = SIG_DFL };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		sigaction(sig, &sa, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

pid_t
proc_start(const char *const *argv, const struct proc_fd *fds, size_t n_fds,
	   enum proc_flags flags, struct err *err)
{
	int status_pipe[2];
	int exec_errno = 0;

	if (n_fds > 60)
		BUG("too many descriptors for a child");
	if (pipe2(status_pipe, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot start '%s'", argv[0]);
	/* The status pipe must lie above every target. */
	int report = fcntl(status_pipe[1], F_DUPFD_CLOEXEC, 200);
	close(status_pipe[1]);
	pid_t pid = fork();
	if (pid < 0) {
		close(status_pipe[0]);
		close(report);
		return err_errno(err, errno, "cannot start '%s'", argv[0]);
	}
	if (pid == 0) {
		int kept = fcntl(report, F_DUPFD_CLOEXEC, 200);
		struct proc_fd all[64];
		if (n_fds > 0)
			memcpy(all, fds, n_fds * sizeof(*fds));
		/* Keep the report pipe through arrange_fds, close-on-exec. */
		int target = 190;
		all[n_fds] = (struct proc_fd){ kept, target };
		reset_signals();
		if (flags & PROC_SETSID)
			setsid();
		else if (!(flags & PROC_FOREGROUND))
			setpgid(0, 0);
		arrange_fds(all, n_fds + 1);
		fcntl(target, F_SETFD, FD_CLOEXEC);
		execvp(argv[0], (char *const *)(uintptr_t)argv);
		exec_errno = errno;
		if (write(target, &exec_errno, sizeof(exec_errno)) < 0)
			_exit(126);
		_exit(127);
	}
	close(report);
	ssize_t got;
	do
		got = read(status_pipe[0], &exec_errno, sizeof(exec_errno));
	while (got < 0 && errno == EINTR);
	close(status_pipe[0]);
	if (got > 0) {
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
		return err_errno(err, exec_errno, "cannot start '%s'", argv[0]);
	}
	return pid;
}

char *
proc_find(const char *program)
{
	char self[4096];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (len > 0) {
		self[len] = '\0';
		char *slash = strrchr(self, '/');
		if (slash != NULL) {
			*slash = '\0';
			char *beside = xasprintf("%s/%s", self, program);
			if (access(beside, X_OK) == 0)
				return beside;
			free(beside);
		}
	}
	return xasprintf("%s/%s", TERN_LIBEXECDIR, program);
}
