/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CMD_CMD_H
#define CMD_CMD_H
/* What the commands share: exit codes, the table, options, and facts about this host. */
#include <getopt.h>
#include <stdbool.h>

#include "chain/chain.h"

enum { EXIT_GOOD = 0, EXIT_BAD = 1, EXIT_COULD_NOT = 2 };

struct command {
	const char *name;
	int (*run)(int argc, char **argv); /* argv[0] is the command's name */
	const char *does;
	const char *usage; /* options, one a line */
};

extern const struct command commands[];
const struct command *command_find(const char *name);

/* One line on stderr, "indelible COMMAND: ..."; returns code so that it can be returned. */
__attribute__((format(printf, 2, 3))) int complain(int code, const char *format, ...);

/*
 * getopt_long for one command: 1 with an option (its val in *ret, argument in optarg), 0 at the end
 * with no stray arguments left (or at most `operands` of them), -1 after having complained.
 * --help prints the usage and exits 0.
 */
int next_option(const struct command *command, int argc, char **argv, const struct option *options,
		int operands, int *ret);

/* A whole number from min to max, nothing after it; complains and returns false otherwise. */
bool parse_number(const char *text, const char *name, uint64_t min, uint64_t max, uint64_t *ret);

#define KEEPER_PROGRAM "/proc/self/exe" /* for struct chain_options: this program */

/* Epoch ns of 2026-11-23T10:00:00Z, @EPOCH, or an age: 30s, 10m, 2h, 3d; complains and returns
 * false otherwise. */
bool parse_time(const char *name, const char *text, uint64_t *ret);

/* Where the chain is when nobody says: /var/lib/indelible for root, else ./indelible-chain. */
const char *default_chain_dir(void);

/* Host facts. name: lower case, cut and filtered to what an origin may hold. */
struct host {
	char name[CHAIN_NAME_MAX + 1];
	char full_name[256];
	char machine_id[64];
	uint8_t boot_id[16];
	char kernel[256];
};
/* -errno when the machine or boot id cannot be read. */
int host_read(struct host *ret);

uint64_t clock_monotonic(void); /* ns */
uint64_t clock_epoch(void);	/* ns */
uint64_t clock_boot_time(void); /* epoch ns of CLOCK_BOOTTIME 0, as the clock stands now */

int cmd_run(int argc, char **argv);
int cmd_show(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_replay(int argc, char **argv);
int cmd_prove(int argc, char **argv);
int cmd_check_proof(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_pack(int argc, char **argv);
int cmd_archive(int argc, char **argv);
int cmd_prune(int argc, char **argv);
int cmd_keygen(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_policy(int argc, char **argv);
int cmd_keeper(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
