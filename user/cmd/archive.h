/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_ARCHIVE_H
#define CMD_ARCHIVE_H
/* Copies as whole objects, through a command: what `archive --to-command` sends. */
#include <signal.h>
#include <stdbool.h>

#include "chain/chain.h"

/* Set by SIGINT and SIGTERM: a command that is running is ended. */
extern volatile sig_atomic_t archive_stop;

struct objects_options {
	const char *dir;
	const char *command; /* for /bin/sh -c */
	bool read_back;
	bool doubtful; /* an attempt failed: look what is there before sending it again */
	uint64_t from; /* entries that were acknowledged */
};

struct objects_sent {
	uint64_t size; /* entries that are there now */
	uint8_t root[CHAIN_HASH];
	uint64_t bytes;
	unsigned objects;
};

/*
 * Send everything between the entries acknowledged and the present checkpoint. As chain_copy_round;
 * -EIO when the command fails, -ETIMEDOUT when it stands still, -EINTR after archive_stop.
 */
int objects_send(const struct objects_options *options, struct objects_sent *ret,
		 struct chain_error *err);

#endif
