/* After the handshake and before the login: no file is opened, no program
 * started, no connection made from here on. What stays is what TLS, a timer and
 * the descriptors we have and are handed need. What is not named is refused
 * with an error that the C library lives with; what only an intruder would try
 * ends the process. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include "internal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

enum { OPEN_FILES = 64 };

static const unsigned long memory_bytes = 1024ul * 1024 * 1024;

static int
limit_resources(struct err *err)
{
	const struct {
		int what;
		rlim_t limit;
		bool is_unsanitized; /* a sanitizer maps terabytes */
	} limits[] = {
		{ RLIMIT_AS, memory_bytes, true },
		{ RLIMIT_NOFILE, OPEN_FILES, false },
		{ RLIMIT_CORE, 0, false }, /* secrets */
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct rlimit r = { limits[i].limit, limits[i].limit };
		if (limits[i].is_unsanitized && IS_SANITIZED)
			continue;
		if (setrlimit((__rlimit_resource_t)limits[i].what, &r) < 0)
			return err_errno(err, errno, "cannot limit the connection's resources");
	}
	return 0;
}

static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(readv), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev),
	SCMP_SYS(pwrite64), SCMP_SYS(recvfrom), SCMP_SYS(sendto), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(fstat), SCMP_SYS(lseek),
	SCMP_SYS(ftruncate), SCMP_SYS(fsync), SCMP_SYS(close), SCMP_SYS(shutdown), SCMP_SYS(fcntl),
	SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk), SCMP_SYS(madvise), SCMP_SYS(futex),
	SCMP_SYS(getrandom), SCMP_SYS(clock_gettime), SCMP_SYS(clock_nanosleep),
	SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(timerfd_settime), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn),
	SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* To end the tunnel, and ourselves in an abort. A signal cannot be kept from
 * others here: the filter does not know the tunnel's process. */
static const int allowed_signals[] = { SCMP_SYS(kill), SCMP_SYS(tgkill) };

static const int deadly[] = {
	SCMP_SYS(execve), SCMP_SYS(execveat), SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(clone),
	SCMP_SYS(clone3), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(listen), SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_writev),
};

static int
allow_all(scmp_filter_ctx ctx, const int *calls, size_t n)
{
	int status = 0;

	for (size_t i = 0; i < n; i++)
		status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, calls[i], 0);
	return status;
}

static int
add_rules(scmp_filter_ctx ctx)
{
	int status = allow_all(ctx, allowed, ARRAY_LEN(allowed)) |
		     allow_all(ctx, allowed_signals, ARRAY_LEN(allowed_signals));

	/* A leak checker stops its own threads with these. */
	for (size_t i = 0; i < ARRAY_LEN(deadly) && !IS_SANITIZED; i++)
		status |= seccomp_rule_add(ctx, SCMP_ACT_KILL_PROCESS, deadly[i], 0);
	/* fstat() of the C library; a path is not looked at. */
	status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
				   SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
	/* Memory, but none that can be run. */
	status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				   SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	return status;
}

int
sandbox_enter(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, errno, "cannot enter the connection's sandbox");
	prctl(PR_SET_DUMPABLE, 0);
	if (limit_resources(err) < 0)
		return -1;
	if (IS_SANITIZED) /* it opens files and starts tasks for its reports */
		return 0;
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (!ctx)
		return err_set(err, ERR_SYSTEM, "cannot make the connection's sandbox");
	int status = add_rules(ctx);
	if (status == 0)
		status = seccomp_load(ctx);
	seccomp_release(ctx);
	if (status != 0)
		return err_errno(err, status < 0 ? -status : EINVAL,
				 "cannot enter the connection's sandbox");
	return 0;
}
