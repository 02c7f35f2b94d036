/* Unix sockets between programs of one user. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include "tern/ipc.h"

static int
address(const char *path, struct sockaddr_un *sa, struct err *err)
{
	size_t len = strlen(path);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (len >= sizeof(sa->sun_path))
		return err_set(err, ERR_SYSTEM, "the path of socket '%s' is too long", path);
	memcpy(sa->sun_path, path, len);
	return 0;
}

int
ipc_listen(const char *path, struct err *err)
{
	struct sockaddr_un sa;
	mode_t mask;

	if (address(path, &sa, err) < 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "cannot make a socket");
	unlink(path);
	mask = umask(0177);
	int status = bind(fd, (struct sockaddr *)&sa, sizeof(sa));
	umask(mask);
	if (status == 0 && listen(fd, 64) == 0)
		return fd;
	err_errno(err, errno, "cannot listen at '%s'", path);
	close(fd);
	return -1;
}

int
ipc_connect(const char *path, struct err *err)
{
	struct sockaddr_un sa;

	if (address(path, &sa, err) < 0)
		return -1;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno(err, errno, "cannot make a socket");
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	err_errno(err, errno, "cannot connect to '%s'", path);
	if (err != NULL)
		err->kind = ERR_WAIT;
	close(fd);
	return -1;
}

int
ipc_accept(int listen_fd, struct err *err)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return err_errno(err, errno, "cannot accept a connection");
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == getuid())
		return fd;
	close(fd);
	return err_set(err, ERR_REFUSED, "a program of another user wanted to connect");
}

int
ipc_pair(int fds_out[2], struct err *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds_out) < 0)
		return err_errno(err, errno, "cannot make a socket pair");
	return 0;
}
