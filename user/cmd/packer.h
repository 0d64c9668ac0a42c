/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_PACKER_H
#define CMD_PACKER_H
/* Packing while `run` goes on: a process of its own, `indelible pack`, at most one at a time,
 * whenever a segment has been closed and sealed. It gets out of everybody's way. */
#include <stdbool.h>
#include <sys/types.h>

#include "chain/chain.h"

struct packer {
	const char *dir;
	pid_t process;	  /* 0: none runs */
	int said;	  /* what it complains about, while it runs */
	uint64_t next;	  /* time to look again */
	uint64_t segment; /* the open one, when last seen */
	uint64_t due;	  /* start one when so many entries are sealed; UINT64_MAX: no need */
	bool failed;	  /* and that was told */
	char trouble[512];
};

void packer_init(struct packer *packer, const char *dir);

/* Start one, or see how it ended; never waits. A line to be told, the first time that it fails
 * since it last worked; else NULL. */
const char *packer_serve(struct packer *packer, const struct chain *chain, uint64_t now);

/* Cut it off: the next one goes on where it was. */
void packer_stop(struct packer *packer);

#endif
