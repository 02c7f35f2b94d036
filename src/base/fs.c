#include "tern/base/fs.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "tern/base/mem.h"

const char *
fs_home(void)
{
	const char *home = getenv("HOME");

	if (home != NULL && home[0] == '/')
		return home;
	const struct passwd *pw = getpwuid(getuid());
	return pw != NULL ? pw->pw_dir : "/";
}

static char *
xdg_path(const char *variable, const char *below_home)
{
	const char *base = getenv(variable);

	if (base != NULL && base[0] == '/')
		return xasprintf("%s/tern", base);
	return xasprintf("%s/%s/tern", fs_home(), below_home);
}

static char *
made(char *path, struct err *err)
{
	if (fs_mkdir_p(path, 0700, err) == 0)
		return path;
	free(path);
	return NULL;
}

char *
fs_cache_dir(struct err *err)
{
	return made(xdg_path("XDG_CACHE_HOME", ".cache"), err);
}

char *
fs_state_dir(struct err *err)
{
	return made(xdg_path("XDG_STATE_HOME", ".local/state"), err);
}

char *
fs_config_dir(void)
{
	return xdg_path("XDG_CONFIG_HOME", ".config");
}

/* A directory in a place where everybody may write must be ours alone. */
static int
check_private(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return err_errno(err, errno, "cannot use '%s'", path);
	if (!S_ISDIR(st.st_mode) || st.st_uid != getuid() || (st.st_mode & 077) != 0)
		return err_set(err, ERR_SYSTEM,
			       "cannot use '%s': it is not a private directory of yours", path);
	return 0;
}

char *
fs_runtime_dir(struct err *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");
	char *path;

	if (base != NULL && base[0] == '/' && access(base, W_OK | X_OK) == 0)
		return made(xasprintf("%s/tern", base), err);
	base = getenv("TMPDIR");
	path = xasprintf("%s/tern-%u", base != NULL && base[0] == '/' ? base : "/tmp",
			 (unsigned)getuid());
	if (mkdir(path, 0700) < 0 && errno != EEXIST) {
		err_errno(err, errno, "cannot make '%s'", path);
	} else if (check_private(path, err) == 0) {
		return path;
	}
	free(path);
	return NULL;
}

int
fs_mkdir_p(const char *path, unsigned mode, struct err *err)
{
	char *copy = xstrdup(path);
	struct stat st;
	int status = 0;

	for (char *p = copy + 1; status == 0; p++) {
		if (*p != '/' && *p != '\0')
			continue;
		bool is_last = *p == '\0';
		*p = '\0';
		int why = mkdir(copy, mode) < 0 ? errno : 0;
		if (why != 0 && why != EEXIST && stat(copy, &st) < 0)
			status = err_errno(err, why, "cannot make directory '%s'", copy);
		if (is_last)
			break;
		*p = '/';
	}
	if (status == 0 && (stat(path, &st) < 0 || !S_ISDIR(st.st_mode)))
		status = err_set(err, ERR_SYSTEM, "'%s' is not a directory", path);
	free(copy);
	return status;
}

int
fs_read_fd(int fd, size_t max_bytes, struct buf *out, struct err *err)
{
	for (;;) {
		buf_reserve(out, 65536);
		ssize_t n = read(fd, out->ptr + out->len, 65536);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "cannot read");
		if (n == 0)
			return 0;
		out->len += (size_t)n;
		out->ptr[out->len] = '\0';
		if (out->len > max_bytes)
			return err_set(err, ERR_USER, "longer than %zu bytes", max_bytes);
	}
}

int
fs_read(const char *path, size_t max_bytes, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_errno(err, errno, "cannot open '%s'", path);
	int status = fs_read_fd(fd, max_bytes, out, err);
	if (status < 0)
		err_prefix(err, "'%s'", path);
	close(fd);
	return status;
}

int
fs_write_all(int fd, const void *data, size_t len, struct err *err)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, errno, "cannot write");
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static int
sync_directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash == NULL ? xstrdup(".") :
				    xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int status = fd < 0 ? -1 : fsync(fd);
	if (fd >= 0)
		close(fd);
	free(dir);
	return status;
}

int
fs_write_atomic(const char *path, struct str data, unsigned mode, struct err *err)
{
	char *tmp = xasprintf("%s.tmp", path);
	int status = -1;
	int fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		err_errno(err, errno, "cannot write '%s'", tmp);
	else if (fs_write_all(fd, data.ptr, data.len, err) < 0)
		err_prefix(err, "'%s'", path);
	else if (fsync(fd) < 0 || rename(tmp, path) < 0 || sync_directory_of(path) < 0)
		err_errno(err, errno, "cannot write '%s'", path);
	else
		status = 0;
	if (fd >= 0)
		close(fd);
	if (status < 0)
		unlink(tmp);
	free(tmp);
	return status;
}

int
fs_set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

int
fs_set_cloexec(int fd)
{
	return fcntl(fd, F_SETFD, FD_CLOEXEC);
}
