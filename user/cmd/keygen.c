// SPDX-License-Identifier: Apache-2.0
/* indelible keygen: a new chain whose key can be pinned before anything is collected. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "cmd/cmd.h"
#include "cmd/history.h"

int cmd_keygen(int argc, char **argv)
{
	static const struct option options[] = { { "chain", required_argument, NULL, 'c' },
						 { "name", required_argument, NULL, 'n' },
						 { 0 } };
	struct chain_options chain = { .dir = default_chain_dir(), .keeper = KEEPER_PROGRAM };
	struct chain_opened opened = { 0 };
	struct chain_error err = { 0 };
	char schema[SCHEMA_ROOM];
	uint8_t key[16];
	struct host host;
	ssize_t n;
	int got, opt, e;

	e = host_read(&host);
	if (e)
		return complain(EXIT_COULD_NOT, "keygen: cannot tell which boot this is: %s",
				strerror(-e));
	chain.name = host.name;
	while ((got = next_option(command_find("keygen"), argc, argv, options, 0, &opt)) == 1) {
		if (opt == 'c')
			chain.dir = optarg;
		else
			chain.name = optarg;
	}
	if (got < 0)
		return EXIT_COULD_NOT;
	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		return complain(EXIT_COULD_NOT, "keygen: no randomness: %s", strerror(errno));
	n = history_schema(&host, key, schema);
	if (n < 0)
		return complain(EXIT_COULD_NOT, "keygen: the schema does not fit");
	chain.schema = bytes_of(schema, (size_t)n);
	chain.machine_id = bytes_of_text(host.machine_id);
	memcpy(chain.boot_id, host.boot_id, sizeof(chain.boot_id));
	e = chain_keygen(&chain, &opened, &err);
	if (e)
		return complain(EXIT_COULD_NOT, "keygen: %s",
				err.text[0] ? err.text : strerror(-e));
	printf("%s\n", opened.vkey);
	return EXIT_GOOD;
}
