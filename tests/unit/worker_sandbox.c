/* sandbox: what ending needs works in it, and what a taken-over parser wants does not. */
#include "lib/test.h"
#include "../src/worker/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static rlim_t
limit_of(pid_t pid, int what)
{
	struct rlimit r;

	assert_int_equal(prlimit(pid, (__rlimit_resource_t)what, NULL, &r), 0);
	return r.rlim_max;
}

/* Seen from outside: in it nobody may ask. */
static void
test_its_limits(void **state)
{
	struct err err;
	int ends[2];
	char c = 'x';

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	pid_t pid = fork();
	if (pid == 0) {
		close(ends[0]);
		if (sandbox_enter(&err) == 0 && write(ends[1], &c, 1) == 1)
			_exit(read(ends[1], &c, 1) == 0 ? 0 : 97);
		_exit(98);
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], &c, 1), 1);
	assert_int_equal(limit_of(pid, RLIMIT_CORE), 0);
	assert_in_range(limit_of(pid, RLIMIT_NOFILE), 1, 64);
	close(ends[0]);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

#ifndef __SANITIZE_ADDRESS__ /* it has no filter then */

/* In a child, as there is no way out. Its status, or 99. */
static int
inside(int (*what)(void))
{
	struct err err;
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(sandbox_enter(&err) < 0 ? 98 : what());
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

static int
waits_for_a_tunnel(void)
{
	siginfo_t info = { 0 };

	return waitid(P_PID, (id_t)getpid(), &info, WEXITED | WNOHANG | WNOWAIT) < 0 ? errno : 0;
}

static int
opens_a_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static void
test_what_it_may(void **state)
{
	assert_int_equal(inside(waits_for_a_tunnel), ECHILD);
	assert_int_equal(inside(opens_a_file), EPERM);
}

#endif

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_its_limits),
#ifndef __SANITIZE_ADDRESS__
		cmocka_unit_test(test_what_it_may),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
