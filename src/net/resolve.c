/* Names to addresses. getaddrinfo() in a child of ours rather than c-ares: it
 * is what the rest of the machine uses (nsswitch, hosts, mDNS, the split DNS of
 * a VPN), and a child can be killed at any moment. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "internal.h"
#include "tern/base/fs.h"
#include "tern/base/mem.h"

/* What the child writes: this, then the addresses. */
struct answer_head {
	int32_t gai_error;
	uint32_t n;
};

bool
address_is_loopback(const struct address *a)
{
	if (a->sa.any.sa_family == AF_INET)
		return ntohl(a->sa.v4.sin_addr.s_addr) >> 24 == 127;
	if (a->sa.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->sa.v6.sin6_addr) ||
		       (IN6_IS_ADDR_V4MAPPED(&a->sa.v6.sin6_addr) &&
			a->sa.v6.sin6_addr.s6_addr[12] == 127);
	return false;
}

void
address_text(const struct address *a, char *out, size_t size)
{
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getnameinfo(&a->sa.any, a->len, host, sizeof(host), port, sizeof(port),
			NI_NUMERICHOST | NI_NUMERICSERV) == 0)
		snprintf(out, size, "%.60s port %.10s", host, port);
	else
		snprintf(out, size, "unknown address");
}

static void
add_address(struct addresses *list, const struct sockaddr *sa, socklen_t len)
{
	if (list->n == MAX_ADDRESSES || (sa->sa_family != AF_INET && sa->sa_family != AF_INET6))
		return;
	if (len > sizeof(list->v[0].sa))
		return;
	struct address *a = &list->v[list->n++];
	memset(a, 0, sizeof(*a));
	a->len = len;
	memcpy(&a->sa, sa, len);
}

static int
look_up(const char *host, uint16_t port, int flags, struct addresses *out)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
				  .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *found = NULL;
	char service[8];

	out->n = 0;
	snprintf(service, sizeof(service), "%u", port);
	int error = getaddrinfo(host, service, &hints, &found);
	if (error != 0)
		return error;
	for (struct addrinfo *ai = found; ai != NULL; ai = ai->ai_next)
		add_address(out, ai->ai_addr, ai->ai_addrlen);
	freeaddrinfo(found);
	return out->n > 0 ? 0 : EAI_NONAME;
}

bool
resolve_locally(const char *host, uint16_t port, struct addresses *out)
{
	struct str name = str_c(host);
	struct addresses v4;

	/* RFC 6761, 6.3: these are always this machine. */
	if (str_ieqc(name, "localhost") || (name.len > 10 &&
	    str_ieqc(str_from(name, name.len - 10), ".localhost"))) {
		look_up("::1", port, AI_NUMERICHOST, out);
		look_up("127.0.0.1", port, AI_NUMERICHOST, &v4);
		add_address(out, &v4.v[0].sa.any, v4.v[0].len);
		return true;
	}
	return look_up(host, port, AI_NUMERICHOST, out) == 0;
}

/* Nothing of ours may stay open in a child that can hang: the manager waits
 * for the end of our socket. */
_Noreturn static void
be_resolver(int fd, const char *host, uint16_t port)
{
	struct addresses list = { 0 };
	sigset_t none;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (fd > 3)
		syscall(SYS_close_range, 3U, (unsigned)fd - 1, 0);
	syscall(SYS_close_range, (unsigned)fd + 1, ~0U, 0);
	int error = look_up(host, port, AI_ADDRCONFIG, &list);
	struct answer_head head = { error, (uint32_t)list.n };
	struct err err;
	if (fs_write_all(fd, &head, sizeof(head), &err) < 0 ||
	    fs_write_all(fd, list.v, list.n * sizeof(list.v[0]), &err) < 0)
		_exit(1);
	_exit(0);
}

int
resolve_start(struct resolver *r, const char *host, uint16_t port, struct err *err)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_errno(err, errno, "cannot look up '%s'", host);
	pid_t pid = fork();
	if (pid == 0)
		be_resolver(ends[1], host, port);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return err_errno(err, errno, "cannot look up '%s'", host);
	}
	fs_set_nonblocking(ends[0]);
	r->pid = pid;
	r->fd = ends[0];
	buf_init(&r->answer);
	return 0;
}

static int
say_why(const char *host, int gai_error, struct err *err)
{
	if (gai_error == EAI_NONAME || gai_error == EAI_NODATA)
		return err_set(err, ERR_WAIT, "cannot find '%s': no such host", host);
	if (gai_error == EAI_AGAIN)
		return err_set(err, ERR_WAIT, "cannot find '%s': no name server answers", host);
	return err_set(err, ERR_WAIT, "cannot find '%s': %s", host, gai_strerror(gai_error));
}

static int
take_answer(struct str answer, const char *host, struct addresses *out, struct err *err)
{
	struct answer_head head;
	struct address a;

	if (answer.len < sizeof(head))
		return err_set(err, ERR_WAIT, "cannot find '%s': the look-up was stopped", host);
	memcpy(&head, answer.ptr, sizeof(head));
	answer = str_from(answer, sizeof(head));
	if (head.gai_error != 0)
		return say_why(host, head.gai_error, err);
	out->n = 0;
	for (uint32_t i = 0; i < head.n && answer.len >= sizeof(a); i++) {
		memcpy(&a, answer.ptr, sizeof(a));
		answer = str_from(answer, sizeof(a));
		add_address(out, &a.sa.any, a.len);
	}
	return out->n > 0 ? 1 : say_why(host, EAI_NONAME, err);
}

int
resolve_step(struct resolver *r, const char *host, struct addresses *out, struct err *err)
{
	char bytes[4096];

	for (;;) {
		ssize_t n = read(r->fd, bytes, sizeof(bytes));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return 0;
		if (n <= 0)
			return take_answer(buf_str(&r->answer), host, out, err);
		buf_add(&r->answer, bytes, (size_t)n);
		if (r->answer.len > sizeof(struct answer_head) + sizeof(out->v))
			return err_set(err, ERR_SYSTEM, "the look-up of '%s' broke", host);
	}
}

void
resolve_stop(struct resolver *r)
{
	if (r->pid == 0)
		return;
	close(r->fd);
	/* SIGKILL cannot be put off: this wait is short. */
	kill(r->pid, SIGKILL);
	while (waitpid(r->pid, NULL, 0) < 0 && errno == EINTR)
		continue;
	buf_release(&r->answer);
	r->pid = 0;
}

void
addresses_interleave(struct addresses *list)
{
	struct addresses from = *list;
	bool is_used[MAX_ADDRESSES] = { false };

	if (list->n == 0)
		return;
	int wanted = from.v[0].sa.any.sa_family;
	for (size_t filled = 0; filled < from.n; filled++) {
		size_t pick = from.n;
		for (size_t i = from.n; i-- > 0;)
			if (!is_used[i] && (pick == from.n || from.v[i].sa.any.sa_family == wanted ||
					    from.v[pick].sa.any.sa_family != wanted))
				pick = i;
		is_used[pick] = true;
		list->v[filled] = from.v[pick];
		wanted = from.v[pick].sa.any.sa_family == AF_INET ? AF_INET6 : AF_INET;
	}
}
