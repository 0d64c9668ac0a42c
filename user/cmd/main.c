// SPDX-License-Identifier: Apache-2.0
/* The command table: it serves both dispatch and help. */
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"

const struct command commands[] = {
	{ "run", cmd_run, "collect, attribute, chain and score until stopped",
	  "  --chain DIR         where the chain is kept (created with a key on first use)\n"
	  "  --scope SCOPE       all (default), pid=N (N and its descendants), cgroup=PATH\n"
	  "  --hooks SET         where to watch: tracepoint, or object (the kernel's functions\n"
	  "                      too); by itself it takes object where the kernel allows it\n"
	  "  --harden            refuse everybody but init to signal or trace the collector, or "
	  "to\n"
	  "                      touch its programs and maps (bpf has to be among the LSMs)\n"
	  "  --for SECONDS       end by itself\n"
	  "  --policy FILE       what is recorded (default: /etc/indelible/policy if it is there)\n"
	  "  --all-opens         besides that, every file that is opened\n"
	  "  --pin DIR           in a bpffs: programs and rings outlive the collector, and the "
	  "next "
	  "one\n"
	  "                      with the same DIR goes on where it ended\n"
	  "  --new-log           end the log that is there, or leave it if it is refused, and "
	  "begin\n"
	  "                      a new one with new keys that names it; pin its key anew\n"
	  "  --quiet             print alerts and errors only\n"
	  "  --ring-size BYTES   of the main ring, a power of two (default 16777216)\n"
	  "  --segment-size BYTES  of the chain: a new one begins behind it (default 67108864)\n"
	  "  --no-pack           leave closed segments as they are\n"
	  "  --events FILE       take captured events from FILE, not from the kernel\n"
	  "  --save-events FILE  also write the events as they come from the kernel\n" },
	{ "show", cmd_show, "print records",
	  "  --chain DIR         where the chain is kept\n"
	  "  --follow            go on as records are added\n"
	  "  --user NAME         only what this person, service or effective user did\n"
	  "  --kind K[,K...]     only these kinds (exec, open, setuid, connect, alert, ...)\n"
	  "  --since T           only from T on: 2026-11-23T10:00:00Z, @EPOCH, or 10m, 2h, 3d ago\n"
	  "  --until T           only before T\n"
	  "  --format F          text (default) or json, one object a line\n" },
	{ "verify", cmd_verify, "check everything and say the verdict",
	  "  --chain DIR         where the chain is kept\n"
	  "  --key FILE          verifier key pinned off the host (identity.pub)\n"
	  "  --checkpoint FILE   a checkpoint held elsewhere; may be given again\n"
	  "  --held SIZE:ROOT    the same by hand, as the collector prints it; may be given again\n"
	  "  --max-age T         STALE when the newest sealed record is older: 90s, 10m, 2h, 1d\n"
	  "  --threads N         segments that are verified at once (default: one a processor)\n"
	  "  --quiet             the verdict line only, and no progress\n"
	  "  --format F          text (default) or json\n" },
	{ "replay", cmd_replay, "score again from the chain",
	  "  --chain DIR         where the chain is kept\n"
	  "  --check             compare with the alerts and digests recorded live\n"
	  "  --format F          text (default) or json\n" },
	{ "prove", cmd_prove, "prove one entry, or that the log grew, without the rest of it",
	  "  INDEX               of the entry, as show prints it after '#'\n"
	  "  --chain DIR         where the chain is kept\n"
	  "  --checkpoint NOTE   prove under this checkpoint, perhaps cosigned (default: the "
	  "chain's)\n"
	  "  --from NOTE         instead of INDEX: prove that the log has only grown since NOTE,\n"
	  "  --to NOTE           up to this checkpoint (default: the chain's)\n"
	  "  --out FILE          write there, not to standard output\n" },
	{ "check-proof", cmd_check_proof, "check what prove wrote; needs no chain",
	  "  FILE                the proof\n"
	  "  --key FILE          verifier key of the log, kept off the host (identity.pub); "
	  "needed\n"
	  "  --checkpoint NOTE   a checkpoint held elsewhere; may be given again\n"
	  "  --held SIZE:ROOT    the same by hand, as the collector prints it; may be given again\n"
	  "  --witness FILE      verifier key of a cosigner; may be given again\n"
	  "  --format F          text (default) or json\n" },
	{ "export", cmd_export, "write the chain as a tiled log that other programs read",
	  "  --chain DIR         where the chain is kept\n"
	  "  --tiles DIR         where the tiled log is kept; brought up to date when it is "
	  "there\n" },
	{ "pack", cmd_pack, "make the segments that are closed and sealed small",
	  "  --chain DIR         where the chain is kept\n"
	  "  --idle              only with time and disk that nobody else wants\n"
	  "  --quiet             print errors only\n" },
	{ "archive", cmd_archive, "copy what is published to a further place, and look at the copy",
	  "  --chain DIR         where the chain is kept\n"
	  "  --to DIR            the further place: a directory that verify accepts by itself\n"
	  "  --to-command CMD    or a command that puts and gets whole objects: see the README\n"
	  "  --every SECONDS     go on, and try again what fails\n"
	  "  --anew              the place was emptied on purpose: copy everything again\n"
	  "  --no-read-back      do not get back what the command has put\n" },
	{ "prune", cmd_prune, "delete the oldest segments, which other places hold",
	  "  --chain DIR         where the chain is kept\n"
	  "  --keep-segments N   keep the last N (at least 2)\n"
	  "  --older-than T      delete those that were finished before T: 30d, 12h, a time as "
	  "show has it\n"
	  "  --unarchived        also what no other place has acknowledged\n"
	  "  --dry-run           say what would go\n" },
	{ "keygen", cmd_keygen, "make a new chain and its keys, print the verifier key",
	  "  --chain DIR         where the chain will be kept\n"
	  "  --name NAME         name of the host in the origin (default: the host name)\n" },
	{ "policy", cmd_policy, "what is recorded: set it while the collector runs, or print it",
	  "  FILE                record by it from now on; without FILE: print what is in force\n"
	  "  --check FILE        only see whether it is one\n"
	  "  --default           print what is in force where nobody says anything\n"
	  "  --chain DIR         where the chain of the collector is kept\n" },
	{ "status", cmd_status, "what the collector is doing; exit code 2 when none runs",
	  "  --chain DIR         where the chain is kept\n"
	  "  --format F          text (default) or json\n" },
	{ "keeper", cmd_keeper, "hold the keys and seal; started by run, not by hand", "" },
	{ "version", cmd_version, "build, kernel floor and formats", "" },
	{ NULL, NULL, NULL, NULL },
};

const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

static void print_help(FILE *to)
{
	fprintf(to, "Usage: indelible COMMAND [OPTION]...\n"
		    "An event is logged. It cannot be changed. It will never vanish.\n\n");
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-11s %s\n", c->name, c->does);
	fprintf(to, "\nindelible COMMAND --help lists the options of a command.\n"
		    "Exit codes: 0 good, 1 the evidence or the input is bad, 2 could not do it.\n");
}

int main(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		print_help(stderr);
		return EXIT_COULD_NOT;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
	    strcmp(argv[1], "help") == 0) {
		print_help(stdout);
		return EXIT_GOOD;
	}
	c = command_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (!c)
		return complain(EXIT_COULD_NOT,
				"unknown command '%s'; 'indelible --help' lists them", argv[1]);
	return c->run(argc - 1, argv + 1);
}
