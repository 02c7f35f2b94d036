/* The care for a damaged cache. LMDB does not check pages, so a damaged one can
 * kill whoever reads it, us included. Who dies of it leaves a mark; whoever opens
 * the cache next has it verified first, in a child that may die of it too, and
 * moves it aside when it is not sound. A journal that is not sound is moved aside,
 * too, and said: no tern ever deletes one. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include "tern/base/fs.h"
#include "tern/base/log.h"
#include "tern/base/mem.h"
#include "tern/base/proc.h"
#include "tern/base/tick.h"

#define CHECK_CPU_S 120 /* pages that lead in a circle */
#define MARK_NAME "suspect"
#define VERIFIED "verified\n" /* its contents, until somebody dies again: then more */

static char *mark_path; /* for the signal handler */
static const int deadly[] = { SIGSEGV, SIGBUS, SIGABRT };
static const int deadly_to_check[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGXCPU };
static struct sigaction handlers_before[ARRAY_LEN(deadly)];

static void
leave_mark(void)
{
	int fd = mark_path == NULL ? -1 :
				     open(mark_path,
					  O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return;
	/* A full disk takes the name, at least. */
	if (write(fd, "!", 1) < 0)
		(void)0;
	close(fd);
}

static void
dying(int sig, siginfo_t *info, void *context)
{
	(void)context;
	leave_mark();
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		sigaction(deadly[i], &handlers_before[i], NULL);
	if (info->si_code <= 0) /* sent: what was not caused here does not come again */
		raise(sig);
}

/* Now, and again in whoever started us with such handlers of their own (sanitizers). */
void
care_watch(void)
{
	struct sigaction action = { .sa_sigaction = dying, .sa_flags = SA_SIGINFO };
	char *dir = fs_cache_dir(NULL);

	if (dir != NULL)
		mark_path = xasprintf("%s/" MARK_NAME, dir);
	free(dir);
	for (size_t i = 0; i < ARRAY_LEN(deadly); i++)
		sigaction(deadly[i], &action, &handlers_before[i]);
}

bool
care_is_suspect(void)
{
	return mark_path != NULL && access(mark_path, F_OK) == 0;
}

/* ---- the child ------------------------------------------------------------------------ */

enum verdict { SOUND = 0, CACHE_DAMAGED = 1, JOURNAL_DAMAGED = 2 };

/* Whose pages are being read: dying of them is the verdict on them. */
static volatile sig_atomic_t verdict_if_dying;

static void
dying_of_check(int sig)
{
	(void)sig;
	_exit(verdict_if_dying);
}

static enum verdict
check_one(enum verdict if_damaged, int (*check)(const struct store_paths *, struct err *))
{
	struct store_paths paths = { NULL, NULL };
	struct err err = ERR_INIT;

	verdict_if_dying = if_damaged;
	if (check(&paths, &err) == 0)
		return SOUND;
	log_at(LOG_WARN, "store", "%s", err.text);
	/* Only damage is damage: a full disk or a lack of rights is not. */
	return err.kind == ERR_DAMAGED ? if_damaged : SOUND;
}

int
care_check(void)
{
	struct sigaction action = { .sa_handler = dying_of_check };

	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	setrlimit(RLIMIT_CPU, &(struct rlimit){ CHECK_CPU_S, CHECK_CPU_S + 5 });
	for (size_t i = 0; i < ARRAY_LEN(deadly_to_check); i++)
		sigaction(deadly_to_check[i], &action, NULL);
	enum verdict v = check_one(JOURNAL_DAMAGED, store_check_journal);
	return v == SOUND ? check_one(CACHE_DAMAGED, store_check_cache) : v;
}

static pid_t
start_check(struct err *err)
{
	char *program = proc_find(SESSION_PROGRAM);
	const char *argv[] = { program, CARE_CHECK_OPTION, NULL };
	pid_t pid = proc_start(argv, NULL, 0, 0, err);

	free(program);
	return pid;
}

static enum verdict
verdict_of(int status)
{
	if (!WIFEXITED(status))
		return CACHE_DAMAGED;
	return WEXITSTATUS(status) == JOURNAL_DAMAGED ? JOURNAL_DAMAGED :
	       WEXITSTATUS(status) == CACHE_DAMAGED   ? CACHE_DAMAGED :
							SOUND;
}

/* Found sound, the cache is on probation until a commit to it has succeeded, or
 * nobody has died of it in a run: who dies of it once more has it dropped. Who was
 * merely killed meanwhile did not die of it. */
static bool is_on_probation;

static bool
died_after_all(void)
{
	struct stat st;

	return mark_path != NULL && stat(mark_path, &st) == 0 &&
	       st.st_size > (off_t)strlen(VERIFIED);
}

static void
note_verified(void)
{
	struct err err;

	is_on_probation = care_is_suspect() && fs_write_atomic(mark_path, STR(VERIFIED), 0600, &err) == 0;
}

static int
check_now(enum verdict *out, struct err *err)
{
	int status = 0;
	pid_t pid = start_check(err);

	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*out = verdict_of(status);
	return 0;
}

/* Changes that had not gone out are in it: it is kept, and the user told where. */
static int
keep_journal_aside(char **said_out, struct err *err)
{
	char *where = NULL;

	if (store_keep_journal_aside(&(struct store_paths){ NULL, NULL }, wall_now(), &where, err) < 0)
		return -1;
	free(*said_out);
	*said_out = xasprintf("the record of your changes was damaged: changes that had not reached "
			      "the server are lost; the damaged record is kept in '%s'",
			      where);
	free(where);
	return 0;
}

/* Nothing is open yet and nobody waits for more than us: this may take its time. */
int
care_before_open(char **said_out, struct err *err)
{
	enum verdict verdict;

	if (check_now(&verdict, err) < 0)
		return -1;
	/* Until it is out of the way, it may be what somebody died of. */
	bool was_journal = verdict == JOURNAL_DAMAGED;
	if (was_journal && (keep_journal_aside(said_out, err) < 0 || check_now(&verdict, err) < 0))
		return -1;
	if (!was_journal && died_after_all())
		verdict = CACHE_DAMAGED;
	if (verdict != CACHE_DAMAGED) {
		note_verified();
		return 0;
	}
	if (store_drop_cache(&(struct store_paths){ NULL, NULL }, err) < 0)
		return -1;
	if (mark_path != NULL)
		unlink(mark_path);
	return 0;
}

void
care_is_well(void)
{
	if (is_on_probation)
		unlink(mark_path);
	is_on_probation = false;
}

/* ---- while we run ------------------------------------------------------------------------ */

/* Crash-only: the next manager opens with care, the interfaces find it. */
void
care_give_up(struct session *s, const char *why)
{
	if (s->is_finishing)
		return;
	log_at(LOG_WARN, "store", "%s: starting again", why);
	leave_mark();
	is_on_probation = false; /* not passed */
	s->is_finishing = true;
}

void
care_request(struct client *c, uint64_t id)
{
	struct session *s = c->session;
	struct err err = ERR_INIT;

	if (s->check_pid == 0) {
		pid_t pid = start_check(&err);
		if (pid < 0) {
			client_failed(c, id, &err);
			return;
		}
		s->check_pid = pid;
	}
	struct check_waiter waiter = { c, id };
	vec_push(&s->check_waiters, waiter);
}

void
care_client_gone(struct session *s, const struct client *c)
{
	for (size_t i = s->check_waiters.n; i-- > 0;)
		if (s->check_waiters.v[i].client == c)
			vec_remove(&s->check_waiters, i);
}

void
care_child_ended(struct session *s, pid_t pid, int status)
{
	if (pid != s->check_pid)
		return;
	s->check_pid = 0;
	enum verdict v = verdict_of(status);
	if (v == JOURNAL_DAMAGED) {
		care_give_up(s, "the record of changes is damaged");
		return; /* the next one moves it aside, and says so */
	}
	if (v == CACHE_DAMAGED) {
		session_notice(s, LOG_WARN, "", false,
			       "the cache was damaged: it is built anew, and no change of yours is lost");
		care_give_up(s, "the cache is damaged");
		return; /* hanging up tells them the rest */
	}
	for (size_t i = 0; i < s->check_waiters.n; i++)
		client_done(s->check_waiters.v[i].client, s->check_waiters.v[i].id, "");
	vec_reset(&s->check_waiters);
	EVERY_CLIENT (s, c)
		IPC_SEND(c->conn, READ_AGAIN, read_again, 0, -1, &(struct msg_read_again){ 0 },
			 NULL);
}
