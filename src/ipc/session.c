/* Finding the manager, and starting it. */
#include "tern/session.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/map.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/base/str.h"
#include "tern/have.h"
#include "tern/ipc.h"

char *
session_socket_path(const char *state_dir, struct err *err)
{
	char real[PATH_MAX];
	char *runtime = fs_runtime_dir(err);

	if (runtime == NULL)
		return NULL;
	/* Two spellings of one directory are one store. */
	const char *name = realpath(state_dir, real) != NULL ? real : state_dir;
	char *path = xasprintf("%s/%016llx", runtime,
			       (unsigned long long)hash64(str_c(name)));
	free(runtime);
	return path;
}

/* The lock's descriptor; WAIT when somebody else has it. */
static int
take_lock(const char *state_dir, struct err *err)
{
	char *path = xasprintf("%s/%s", state_dir, SESSION_LOCK_NAME);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		err_errno(err, errno, "cannot open '%s'", path);
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno == EWOULDBLOCK)
			err_set(err, ERR_WAIT, "the session manager is just starting");
		else
			err_errno(err, errno, "cannot lock '%s'", path);
		close(fd);
		fd = -1;
	}
	free(path);
	return fd;
}

static int
start_manager(int listen_fd, int lock_fd, struct err *err)
{
	char *program = proc_find(SESSION_PROGRAM);
	const char *argv[] = { program, NULL };
	struct proc_fd fds[] = { { listen_fd, SESSION_LISTEN_FD }, { lock_fd, SESSION_LOCK_FD } };
	pid_t pid = proc_start(argv, fds, ARRAY_LEN(fds), PROC_SETSID, err);

	free(program);
	return pid < 0 ? -1 : 0;
}

int
session_connect(const char *state_dir, struct err *err)
{
	struct err refused = ERR_INIT;
	char *path = session_socket_path(state_dir, err);
	int fd = -1, lock_fd = -1, listen_fd = -1;

	if (path == NULL)
		return -1;
	fd = ipc_connect(path, &refused);
	if (fd >= 0)
		goto out;
	lock_fd = take_lock(state_dir, err);
	if (lock_fd < 0)
		goto out;
	/* We have the lock: nobody else binds, and a socket that is there is dead. */
	listen_fd = ipc_listen(path, err);
	if (listen_fd < 0 || start_manager(listen_fd, lock_fd, err) < 0)
		goto out;
	fd = ipc_connect(path, err); /* waits in the backlog until it accepts */
out:
	/* The child's copies keep the lock and the socket. */
	if (lock_fd >= 0)
		close(lock_fd);
	if (listen_fd >= 0)
		close(listen_fd);
	free(path);
	return fd;
}

/* Versions by their numbers: 0.10 is newer than 0.9. */
static int
compare_builds(const char *a, const char *b)
{
	for (;;) {
		char *a_end, *b_end;
		unsigned long x = strtoul(a, &a_end, 10), y = strtoul(b, &b_end, 10);
		if (a_end == a || b_end == b)
			return 0;
		if (x != y)
			return x < y ? -1 : 1;
		if (*a_end != '.' || *b_end != '.')
			return (*a_end == '.') - (*b_end == '.');
		a = a_end + 1;
		b = b_end + 1;
	}
}

enum session_match
session_match(unsigned protocol, unsigned schema, const char *build, unsigned our_schema)
{
	if (protocol != IPC_PROTOCOL)
		return protocol < IPC_PROTOCOL ? SESSION_IS_OLDER : SESSION_IS_NEWER;
	if (schema != our_schema)
		return schema < our_schema ? SESSION_IS_OLDER : SESSION_IS_NEWER;
	return compare_builds(build, TERN_VERSION) < 0 ? SESSION_IS_OLDER : SESSION_FITS;
}
