/* sandbox: what ending needs works in it, and what a taken-over parser wants does not. */
#include "lib/test.h"
#include "../src/worker/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

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
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
	skip(); /* it has no filter then */
#endif
	assert_int_equal(inside(waits_for_a_tunnel), ECHILD);
	assert_int_equal(inside(opens_a_file), EPERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_what_it_may) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
