// SPDX-License-Identifier: Apache-2.0
/* run --new-log: end the log there is, whatever its state, and put a new one in its place. */
#include "cmd/new_log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/history.h"

/* A SCHEMA text with the key that the log has; with a new one if it cannot be read, or if fresh. */
static int make_schema(const struct host *host, const char *dir, bool fresh, char **ret)
{
	struct chain_error unused;
	uint8_t key[16];
	ssize_t n;

	*ret = malloc(SCHEMA_ROOM);
	if (!*ret)
		return -ENOMEM;
	if ((fresh || history_key(dir, key, &unused)) && getrandom(key, sizeof(key), 0) < 0)
		return -errno;
	n = history_schema(host, key, *ret);
	return n < 0 ? (int)n : 0;
}

int begin_new_log(const char *dir, const struct host *host, bool quiet)
{
	struct chain_rotated *rotated = calloc(1, sizeof(*rotated));
	struct chain_options options = { .dir = dir, .name = host->name, .keeper = KEEPER_PROGRAM };
	char *schema = NULL, *old_schema = NULL;
	struct chain_error err = { 0 };
	int e = rotated ? 0 : -ENOMEM;

	if (!e)
		e = make_schema(host, dir, true, &schema);
	if (!e)
		e = make_schema(host, dir, false, &old_schema);
	if (!e) {
		options.machine_id = bytes_of_text(host->machine_id);
		options.schema = bytes_of_text(schema);
		memcpy(options.boot_id, host->boot_id, sizeof(options.boot_id));
		e = chain_rotate(&options, bytes_of_text(old_schema), rotated, &err);
	}
	if (e) {
		complain(0, "run: --new-log: %s", err.text[0] ? err.text : strerror(-e));
	} else if (rotated->kept[0] && !quiet) {
		printf("new log: the old one is kept in %s", rotated->kept);
		if (rotated->handed_over)
			printf(" and names the new one\n");
		else
			printf("; it could not be gone on with: %s\n", rotated->refusal.text);
	}
	free(schema);
	free(old_schema);
	free(rotated);
	return e ? EXIT_COULD_NOT : EXIT_GOOD;
}
