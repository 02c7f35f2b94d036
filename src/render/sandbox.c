/* No files, no network, no programs, bounded memory and time. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "internal.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED 1
#else
#define IS_SANITIZED 0
#endif

#define MEMORY_BYTES (512ul * 1024 * 1024)
#define CPU_SECONDS 10
#define OPEN_FILES 8 /* poll() refuses to look at more than this */

static int
limit_resources(struct err *err)
{
	const struct {
		int what;
		rlim_t limit;
		bool is_unsanitized; /* a sanitizer maps terabytes */
	} limits[] = {
		{ RLIMIT_AS, MEMORY_BYTES, true }, { RLIMIT_CPU, CPU_SECONDS, false },
		{ RLIMIT_FSIZE, 0, false },	   { RLIMIT_NOFILE, OPEN_FILES, false },
		{ RLIMIT_CORE, 0, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
		struct rlimit r = { limits[i].limit, limits[i].limit };
		if (limits[i].is_unsanitized && IS_SANITIZED)
			continue;
		if (setrlimit((__rlimit_resource_t)limits[i].what, &r) < 0)
			return err_errno(err, errno, "cannot limit the renderer's resources");
	}
	return 0;
}

/* A second fence where the kernel has it: a ruleset without a single rule. */
static void
forbid_files(void)
{
#ifdef SYS_landlock_create_ruleset
	struct landlock_ruleset_attr attr = {
		.handled_access_fs = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
				     LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_DIR |
				     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |
				     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SOCK |
				     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM
	};
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

	if (fd < 0)
		return;
	syscall(SYS_landlock_restrict_self, fd, 0);
	close(fd);
#endif
}

static const int allowed[] = {
	SCMP_SYS(read), SCMP_SYS(pread64), SCMP_SYS(write), SCMP_SYS(writev), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(fstat), SCMP_SYS(lseek),
	SCMP_SYS(close), SCMP_SYS(fcntl), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(brk),
	SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(getrandom), SCMP_SYS(clock_gettime),
	SCMP_SYS(getpid), SCMP_SYS(gettid), SCMP_SYS(tgkill), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(restart_syscall),
	SCMP_SYS(exit), SCMP_SYS(exit_group),
};

/* A sanitizer's own; no harm, but the program itself has no need of it. */
static const int allowed_sanitized[] = { SCMP_SYS(sigaltstack), SCMP_SYS(sched_yield) };

/* The C library tries these by itself (a converter's module, a locale): told
 * no, it goes on without. */
static const int refused[] = {
	SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(access), SCMP_SYS(faccessat),
	SCMP_SYS(stat), SCMP_SYS(lstat), SCMP_SYS(readlink), SCMP_SYS(ioctl),
};

static int
add_rules(scmp_filter_ctx ctx)
{
	int status = 0;

	for (size_t i = 0; i < ARRAY_LEN(allowed); i++)
		status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(allowed_sanitized) && IS_SANITIZED; i++)
		status |= seccomp_rule_add(ctx, SCMP_ACT_ALLOW, allowed_sanitized[i], 0);
	for (size_t i = 0; i < ARRAY_LEN(refused) && !IS_SANITIZED; i++)
		status |= seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EACCES), refused[i], 0);
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

/* A sanitizer has calls of its own: there the rest is refused, not deadly. */
static int
filter_calls(struct err *err)
{
	scmp_filter_ctx ctx =
		seccomp_init(IS_SANITIZED ? SCMP_ACT_ERRNO(EACCES) : SCMP_ACT_KILL_PROCESS);

	if (ctx == NULL)
		return err_set(err, ERR_SYSTEM, "cannot make the renderer's sandbox");
	int status = add_rules(ctx);
	if (status == 0)
		status = seccomp_load(ctx);
	seccomp_release(ctx);
	if (status != 0)
		return err_errno(err, status < 0 ? -status : EINVAL,
				 "cannot enter the renderer's sandbox");
	return 0;
}

int
sandbox_enter(struct err *err)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_errno(err, errno, "cannot enter the renderer's sandbox");
	prctl(PR_SET_DUMPABLE, 0);
	forbid_files();
	if (limit_resources(err) < 0)
		return -1;
	return filter_calls(err);
}
