/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_RUN_H
#define CMD_RUN_H
/* indelible run: what one run holds. Opened and closed by run_open.c, kept going by run.c. */
#include "attribute/attribute.h"
#include "capture/loader.h"
#include "cmd/cmd.h"
#include "cmd/control.h"
#include "cmd/heartbeat.h"
#include "cmd/packer.h"
#include "cmd/pipeline.h"
#include "cmd/settings.h"
#include "cmd/takeup.h"

struct run {
	struct settings settings;
	struct host host;
	struct chain_opened opened;
	struct source *source;
	struct policy *policy;
	struct attribute *attribute;
	struct heartbeat *heartbeat;
	struct event_writer *saved;
	struct takeup *takeup;	 /* NULL: the run begins here, or all that waited was taken */
	struct control *control; /* NULL: the socket could not be made */
	struct packer packer;
	struct pipeline pipeline;
	uint8_t key[16];
	uint64_t model_from; /* first record it has seen */
	uint64_t boot_time, received, next_heartbeat, next_status, next_seal, last_received;
	unsigned restarts; /* of the keeper that were recorded */
	bool terminal, status_shown;
};

/*
 * Fill what `settings` asks for, from the source to the process table. What can fail for a wrong
 * option or a missing permission comes before the chain is touched. Returns an exit code, the
 * reason printed; run_close() either way.
 */
int run_open(struct run *r);
void run_close(struct run *r);

/* control_calls.set_policy of a struct run: the old policy is in force until the new one is; then
 * the chain is told. 0 or -errno with the reason in `why`. */
int run_set_policy(void *ctx, const char *path, const struct control_peer *peer, uint64_t now,
		   char *why, size_t why_size);

#endif
