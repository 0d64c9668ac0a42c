// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "control/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME	 "control"
#define BACKLOG	 8
#define PATIENCE 2000000000ull /* ns for a client to say what it wants */
#define STRANGE	 4	       /* peers turned away at one look */

struct control_server {
	int dirfd; /* K */
	int fd;
	int client; /* -1 none */
	bool asked; /* it has, and was not answered yet */
	uint64_t until;
	struct control_peer peer;
};

/* K, the directory beside dir. */
static int open_keys_dir(const char *dir)
{
	size_t len = strlen(dir);
	char *path;
	int fd;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	if (asprintf(&path, "%.*s.keys", (int)len, dir) < 0)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		fd = -errno;
	free(path);
	return fd;
}

/* Its name may be longer than an address holds: go by the directory's descriptor. */
static struct sockaddr_un address_in(int dirfd)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/" NAME, dirfd);
	return address;
}

/* --- the collector's side --------------------------------------------------------------------- */

int control_listen(struct control_server **ret, const char *dir)
{
	struct control_server *s = calloc(1, sizeof(*s));
	struct sockaddr_un address;
	int err;

	if (!s)
		return -ENOMEM;
	s->fd = s->client = -1;
	s->dirfd = open_keys_dir(dir);
	if (s->dirfd < 0) {
		err = s->dirfd;
		free(s);
		return err;
	}
	address = address_in(s->dirfd);
	s->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->fd < 0 || (unlinkat(s->dirfd, NAME, 0) < 0 && errno != ENOENT) ||
	    bind(s->fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    fchmodat(s->dirfd, NAME, 0600, 0) < 0 || listen(s->fd, BACKLOG) < 0) {
		err = -errno;
		control_close(s);
		return err;
	}
	*ret = s;
	return 0;
}

static void hang_up(struct control_server *s)
{
	if (s->client >= 0)
		close(s->client);
	s->client = -1;
	s->asked = false;
}

void control_close(struct control_server *s)
{
	if (!s)
		return;
	hang_up(s);
	if (s->fd >= 0)
		close(s->fd);
	unlinkat(s->dirfd, NAME, 0);
	close(s->dirfd);
	free(s);
}

/* Who is at the other end? Nobody but the user we are. */
static int check_peer(int fd, struct control_peer *ret)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	if (cred.uid != geteuid())
		return -EACCES;
	*ret = (struct control_peer){ cred.uid, (uint32_t)cred.pid };
	return 0;
}

static bool accept_client(struct control_server *s, uint64_t now)
{
	for (int i = 0; i < STRANGE; i++) {
		int fd = accept4(s->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			return false;
		if (check_peer(fd, &s->peer) == 0) {
			s->client = fd;
			s->until = now + PATIENCE;
			return true;
		}
		close(fd);
	}
	return false;
}

int control_receive(struct control_server *s, uint64_t now, struct control_message *ret,
		    struct control_peer *ret_peer)
{
	uint8_t message[CONTROL_LEN];
	ssize_t n;

	if (s->asked || (s->client < 0 && !accept_client(s, now)))
		return 0;
	/* With MSG_TRUNC it says how long the message is, not how much of it we took. */
	n = recv(s->client, message, sizeof(message), MSG_DONTWAIT | MSG_TRUNC);
	if (n < 0 && (errno == EAGAIN || errno == EINTR) && now < s->until)
		return 0;
	if (n != CONTROL_LEN || control_decode(bytes_of(message, sizeof(message)), ret) ||
	    ret->type & CONTROL_REPLY) {
		hang_up(s);
		return 0;
	}
	s->asked = true;
	*ret_peer = s->peer;
	return 1;
}

bool control_has_client(const struct control_server *s)
{
	return s->client >= 0;
}

void control_answer(struct control_server *s, const struct control_message *reply)
{
	uint8_t message[CONTROL_LEN];

	control_encode(reply, message);
	if (s->client >= 0)
		(void)!send(s->client, message, sizeof(message), MSG_DONTWAIT | MSG_NOSIGNAL);
	hang_up(s);
}

/* --- the command's side ----------------------------------------------------------------------- */

/* Descriptor, or -errno. */
static int connect_to(int dirfd, unsigned seconds)
{
	struct sockaddr_un address = address_in(dirfd);
	struct timeval limit = { .tv_sec = seconds };
	int err, fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) == 0 &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	err = -errno;
	close(fd);
	/* Too many stand in line: that is what a time limit gives here. */
	return err == -ENOENT ? -ECONNREFUSED : err == -EAGAIN ? -ETIMEDOUT : err;
}

static int exchange(int fd, const struct control_message *request, struct control_message *ret)
{
	uint8_t message[CONTROL_LEN];
	struct control_message reply;
	ssize_t n;

	control_encode(request, message);
	do
		n = send(fd, message, sizeof(message), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n == CONTROL_LEN) {
		do
			n = recv(fd, message, sizeof(message), MSG_TRUNC);
		while (n < 0 && errno == EINTR);
	}
	if (n < 0)
		return errno == EAGAIN ? -ETIMEDOUT : errno == EPIPE ? -ECONNRESET : -errno;
	if (n == 0)
		return -ECONNRESET;
	if (n != CONTROL_LEN || control_decode(bytes_of(message, sizeof(message)), &reply) ||
	    reply.type != (request->type | CONTROL_REPLY))
		return -EBADMSG;
	*ret = reply;
	return 0;
}

int control_ask(const char *dir, const struct control_message *request, unsigned seconds,
		struct control_message *ret)
{
	int fd, err, dirfd = open_keys_dir(dir);

	if (dirfd < 0)
		return dirfd == -ENOENT ? -ECONNREFUSED : dirfd;
	fd = connect_to(dirfd, seconds);
	close(dirfd);
	if (fd < 0)
		return fd;
	err = exchange(fd, request, ret);
	close(fd);
	return err;
}
