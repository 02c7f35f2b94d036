/* Files and directories: whole reads and writes, private directories, the
 * places of the XDG base directory specification. */
#ifndef TERN_BASE_FS_H
#define TERN_BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include "tern/base/buf.h"
#include "tern/base/err.h"

/* $XDG_CACHE_HOME/tern and so on; created 0700 when missing. Yours to free. */
char *fs_cache_dir(struct err *err);
char *fs_state_dir(struct err *err);
char *fs_config_dir(void); /* not created */
/* $XDG_RUNTIME_DIR/tern, else a 0700 directory of the user's in $TMPDIR or /tmp. */
char *fs_runtime_dir(struct err *err);
const char *fs_home(void);

int fs_mkdir_p(const char *path, unsigned mode, struct err *err);
/* Read at most max_bytes; a longer file is an error. */
int fs_read(const char *path, size_t max_bytes, struct buf *out, struct err *err);
int fs_read_fd(int fd, size_t max_bytes, struct buf *out, struct err *err);
/* Write to PATH.tmp, fsync, rename, fsync the directory. */
int fs_write_atomic(const char *path, struct str data, unsigned mode, struct err *err);
/* All of it or an error; for files and blocking descriptors. */
int fs_write_all(int fd, const void *data, size_t len, struct err *err);
int fs_set_nonblocking(int fd);
int fs_set_cloexec(int fd);

#endif
