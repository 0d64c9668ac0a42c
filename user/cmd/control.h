/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_CONTROL_H
#define CMD_CONTROL_H
/*
 * What commands may ask of whoever writes the chain. The running collector serves it between
 * events; where none runs, the command takes up the chain itself, does the same, and closes it.
 */
#include "chain/chain.h"
#include "control/channel.h"

/* Rows of the table in control.c. A further one: a number here, a row and a function there. */
enum control_request {
	/* A copy was made or failed: result, number[0] the size, root, place, why. */
	CONTROL_ARCHIVED = 1,
	/* Segments below number[0], which begins at index number[1], shall go: why. Answered
	 * when PRUNE is under a durable seal; number[0] is then its index. */
	CONTROL_PRUNE = 2,
	/* Record by the policy in the file `place`. The answer's number[0] is the index of the
	 * entry that says so. Only a running collector can. */
	CONTROL_POLICY = 3,
};

struct control;

/* What only the running collector can do. Returns 0 or -errno with one clear line in why. */
struct control_calls {
	void *ctx;
	int (*set_policy)(void *ctx, const char *path, const struct control_peer *peer,
			  uint64_t now, char *why, size_t why_size);
};

/* 0 or -errno; the chain in dir is open. */
int control_start(struct control **ret, const char *dir, const struct control_calls *calls);
void control_stop(struct control *control);

/* See whether somebody asks, and to that end what was asked; never waits. NULL is accepted. An
 * error that stops the chain shows at the next chain_tick. */
void control_serve(struct control *control, struct chain *chain, uint64_t now);

/* When to call that next, at the latest; UINT64_MAX while nobody is there. */
uint64_t control_due(const struct control *control);

/* Ask, or do it ourselves. An exit code; complains in the name of the command. */
int control_request(const char *command, const char *dir, const struct control_message *request,
		    struct control_message *ret);

#endif
