// SPDX-License-Identifier: Apache-2.0
/* Messages between the two sides of a chain: whole structs, with a descriptor now and then. */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chain/keeper.h"

union control {
	struct cmsghdr head;
	char room[CMSG_SPACE(sizeof(int))];
};

int message_send(int socket, const void *message, size_t len, int fd, int flags)
{
	struct iovec part = { (void *)message, len };
	struct msghdr head = { .msg_iov = &part, .msg_iovlen = 1 };
	union control control = { 0 };
	ssize_t n;

	if (fd >= 0) {
		head.msg_control = &control;
		head.msg_controllen = sizeof(control);
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.head), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket, &head, flags | MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int message_receive(int socket, void *message, size_t len, int *ret_fd, int flags)
{
	struct iovec part = { message, len };
	union control control = { 0 };
	struct msghdr head = { .msg_iov = &part,
			       .msg_iovlen = 1,
			       .msg_control = &control,
			       .msg_controllen = sizeof(control) };
	int fd = -1;
	ssize_t n;

	do
		n = recvmsg(socket, &head, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (head.msg_controllen >= CMSG_LEN(sizeof(int)) && control.head.cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(&control.head), sizeof(fd));
	if (n == (ssize_t)len && !(head.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) &&
	    (ret_fd || fd < 0)) {
		if (ret_fd)
			*ret_fd = fd;
		return 1;
	}
	if (fd >= 0)
		close(fd);
	return n ? -EPROTO : 0;
}
