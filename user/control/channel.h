/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROL_CHANNEL_H
#define CONTROL_CHANNEL_H
/*
 * The socket between commands and the running collector: SEQPACKET, D".keys/control". The serving
 * side has one client at a time, asks for the same user as itself, and never waits: a client has
 * two seconds to say what it wants, one message, and gets one.
 *
 * No clock is read on the serving side: the caller says what time it is, in monotonic nanoseconds.
 */
#include <stdbool.h>

#include "control/message.h"

struct control_peer {
	uint32_t uid, pid;
};

struct control_server;

/* Listen for the chain in dir. The caller holds the chain's lock: a socket that is there is a dead
 * one's and goes. 0 or -errno. */
int control_listen(struct control_server **ret, const char *dir);

/* NULL is accepted. Hangs up on who is there, and removes the socket. */
void control_close(struct control_server *server);

/* 1 with a request: then answer it before asking again. 0 when there is none. */
int control_receive(struct control_server *server, uint64_t now, struct control_message *ret,
		    struct control_peer *ret_peer);

/* A client is there whose request is not complete: look again soon. */
bool control_has_client(const struct control_server *server);

/* Answer and hang up. If it does not take the answer at once, it gets none. */
void control_answer(struct control_server *server, const struct control_message *reply);

/*
 * Ask the collector of the chain in dir and wait for its answer. 0, -ECONNREFUSED when none
 * listens, -EACCES when this user may not ask, -ECONNRESET when it hung up, -ETIMEDOUT, -EBADMSG
 * for an answer that is none, other -errno.
 */
int control_ask(const char *dir, const struct control_message *request, unsigned seconds,
		struct control_message *ret);

#endif
