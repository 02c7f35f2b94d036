/* Signals: through a pipe into the loop; and those after which nothing goes on. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "tern/base/mem.h"

static int pipe_fds[2] = { -1, -1 };

static void
note(int sig)
{
	int saved = errno;
	unsigned char byte = (unsigned char)sig;

	/* A full pipe has told enough. */
	if (write(pipe_fds[1], &byte, 1) < 0)
		errno = saved;
	errno = saved;
}

static void
handle(int sig, void (*handler)(int))
{
	struct sigaction sa = { .sa_handler = handler, .sa_flags = SA_RESTART };

	sigemptyset(&sa.sa_mask);
	sigaction(sig, &sa, NULL);
}

int
signals_open(void)
{
	static const int wanted[] = { SIGWINCH, SIGCONT, SIGCHLD, SIGTERM, SIGHUP, SIGTSTP };

	if (pipe2(pipe_fds, O_CLOEXEC | O_NONBLOCK) < 0)
		BUG("cannot make a pipe for signals");
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		handle(wanted[i], note);
	/* ^C is a key here, and belongs to the child that has the terminal. */
	handle(SIGINT, SIG_IGN);
	handle(SIGQUIT, SIG_IGN);
	handle(SIGPIPE, SIG_IGN);
	return pipe_fds[0];
}

int
signals_next(void)
{
	unsigned char byte;

	return read(pipe_fds[0], &byte, 1) == 1 ? byte : 0;
}

void
signals_stop(void)
{
	handle(SIGTSTP, SIG_DFL);
	kill(0, SIGTSTP); /* the whole job, as a terminal's ^Z */
	handle(SIGTSTP, note);
}

/* ---- crashes ------------------------------------------------------------------------------- */

#define RESTARTED "TERN_RESTARTED"

static char crash_path[4096]; /* /proc/self/exe would name the new one "exe" */
static char **crash_argv;
static char **crash_env;
static bool is_restart;

bool
crash_is_restart(void)
{
	return is_restart;
}

static void
say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return;
}

/* Only what is safe in a signal handler: a damaged page of the cache's map ends
 * here, and the program starts itself anew without it. */
static void
crashed(int sig)
{
	sigset_t none;

	handle(sig, SIG_DFL);
	ui_term_emergency();
	if (is_restart) {
		say("tern: crashed again; what you changed is safe\n");
		raise(sig);
		return;
	}
	say("tern: crashed while it showed your mail; starting anew without the cache\n");
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execve(crash_path, crash_argv, crash_env);
	raise(sig);
}

void
crash_prepare(int argc, char **argv)
{
	extern char **environ;
	static char stack[64 * 1024];
	stack_t alternate = { .ss_sp = stack, .ss_size = sizeof(stack) };
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT };
	size_t n = 0;
	ssize_t len = readlink("/proc/self/exe", crash_path, sizeof(crash_path) - 1);

	crash_path[len > 0 ? len : 0] = '\0';
	is_restart = getenv(RESTARTED) != NULL;
	unsetenv(RESTARTED);
	crash_argv = argv;
	while (environ[n] != NULL)
		n++;
	crash_env = xcalloc(n + 2, sizeof(*crash_env));
	memcpy(crash_env, environ, n * sizeof(*crash_env));
	crash_env[n] = xstrdup(RESTARTED "=1");
	sigaltstack(&alternate, NULL);
	for (size_t i = 0; i < ARRAY_LEN(fatal); i++) {
		struct sigaction sa = { .sa_handler = crashed, .sa_flags = SA_ONSTACK };
		sigemptyset(&sa.sa_mask);
		sigaction(fatal[i], &sa, NULL);
	}
}
