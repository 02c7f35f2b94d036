/* An interface died while it read the stores: LMDB does not check pages, so a
 * damaged one kills whoever reads it. A child walks both stores; if it finds
 * damage, or dies of it, the cache is taken out of the way and this manager
 * leaves: the next one begins a new cache. The journal is never touched. */
#include "internal.h"

#include <stdlib.h>
#include <sys/wait.h>
#include "tern/base/log.h"
#include "tern/base/proc.h"

void
check_start(struct session *s)
{
	struct err err = ERR_INIT;

	if (s->check_pid > 0)
		return;
	char *self = proc_find(SESSION_PROGRAM);
	const char *argv[] = { self, CHECK_OPTION, NULL };
	pid_t pid = proc_start(argv, NULL, 0, 0, &err);
	free(self);
	if (pid < 0)
		log_at(LOG_ERROR, "check", "%s", err.text);
	else
		s->check_pid = pid;
}

void
check_child_ended(struct session *s, int status)
{
	struct err err = ERR_INIT;
	bool is_sound = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	s->check_pid = 0;
	log_at(LOG_INFO, "check", "the stores are %s", is_sound ? "sound" : "damaged");
	if (!is_sound) {
		session_notice(s, LOG_WARN, "", false,
			       "the cache was damaged: it is built anew, and no change of yours is lost");
		if (store_condemn_cache(s->writer, &err) < 0)
			session_notice(s, LOG_ERROR, "", false, "%s", err.text);
		s->is_finishing = true;
	}
	EVERY_CLIENT (s, c)
		IPC_SEND(c->conn, READ_AGAIN, read_again, 0, -1, &(struct msg_read_again){ 0 },
			 NULL);
}
