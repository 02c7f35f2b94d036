/* Turning a stream's loop in a test, with a limit. */
#ifndef TERN_TESTS_LIB_NET_DRIVE_H
#define TERN_TESTS_LIB_NET_DRIVE_H

#include "tern/net.h"

/* Until it has left the states before `state` (which is then the state, or
 * NET_FAILED or NET_QUESTION); fails the test after 20 s. */
enum net_state net_drive_to(struct net_stream *s, enum net_state state);
/* Until the stream failed or `enough` bytes were read: what came, to `out`. */
void net_drive_read(struct net_stream *s, size_t enough, struct buf *out);
/* Until nothing is queued any more. */
void net_drive_out(struct net_stream *s);
/* Descriptors and children of this process; a test compares before and after. */
int test_count_fds(void);
bool test_has_children(void);

#endif
