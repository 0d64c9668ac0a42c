// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "cmd/cmd.h"

int complain(int code, const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("indelible: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return code;
}

static void print_usage(const struct command *c)
{
	printf("Usage: indelible %s%s\n%s%s%s", c->name, *c->usage ? " [OPTION]..." : "", c->does,
	       *c->usage ? "\n\n" : "\n", c->usage);
}

#define HELP 1000

int next_option(const struct command *command, int argc, char **argv, const struct option *options,
		int operands, int *ret)
{
	struct option all[32];
	size_t n = 0;
	int got;

	for (; options[n].name; n++)
		all[n] = options[n];
	all[n++] = (struct option){ "help", no_argument, NULL, HELP };
	all[n] = (struct option){ 0 };
	opterr = 0;
	got = getopt_long(argc, argv, ":h", all, NULL);
	if (got == HELP || got == 'h') {
		print_usage(command);
		exit(EXIT_GOOD);
	}
	if (got == '?') {
		complain(0, "%s: unknown option '%s'; 'indelible %s --help' lists them",
			 command->name, argv[optind - 1], command->name);
		return -1;
	}
	if (got == ':') {
		complain(0, "%s: option '%s' needs a value", command->name, argv[optind - 1]);
		return -1;
	}
	if (got != -1) {
		*ret = got;
		return 1;
	}
	if (argc - optind > operands) {
		complain(0, "%s: unexpected argument '%s'", command->name, argv[optind + operands]);
		return -1;
	}
	return 0;
}

bool parse_number(const char *text, const char *name, uint64_t min, uint64_t max, uint64_t *ret)
{
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || *end || errno || v < min || v > max) {
		complain(0, "%s: '%s' is not a whole number from %llu to %llu", name, text,
			 (unsigned long long)min, (unsigned long long)max);
		return false;
	}
	*ret = v;
	return true;
}

bool parse_time(const char *name, const char *text, uint64_t *ret)
{
	static const struct {
		char unit;
		uint64_t seconds;
	} units[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	struct tm tm = { 0 };
	char *end;
	unsigned long long n;

	end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	if (end && !*end) {
		*ret = (uint64_t)timegm(&tm) * 1000000000;
		return true;
	}
	errno = 0;
	n = strtoull(text + (text[0] == '@'), &end, 10);
	if (text[0] == '@' && text[1] && !*end && !errno && n < UINT64_MAX / 1000000000) {
		*ret = n * 1000000000;
		return true;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (end != text && *end == units[i].unit && !end[1] && !errno && n < 1000000) {
			*ret = clock_epoch() - n * units[i].seconds * 1000000000;
			return true;
		}
	}
	complain(0, "%s '%s' is no time: 2026-11-23T10:00:00Z, @EPOCH, or 10m, 2h, 3d ago", name,
		 text);
	return false;
}

const char *default_chain_dir(void)
{
	return geteuid() == 0 ? "/var/lib/indelible" : "./indelible-chain";
}

/* First line of a small file. */
static int read_line(const char *path, char *to, size_t room)
{
	uint8_t *data;
	size_t len;
	int err = read_file(AT_FDCWD, path, 4096, &data, &len);

	if (err)
		return err;
	snprintf(to, room, "%.*s", (int)strcspn((char *)data, "\n"), (char *)data);
	free(data);
	return 0;
}

static int parse_boot_id(const char *text, uint8_t ret[16])
{
	size_t n = 0;

	for (; *text; text++) {
		char pair[3] = { text[0], text[1], 0 };

		if (*text == '-')
			continue;
		if (n == 16 || !isxdigit((unsigned char)pair[0]) ||
		    !isxdigit((unsigned char)pair[1]))
			return -EINVAL;
		ret[n++] = (uint8_t)strtoul(pair, NULL, 16);
		text++;
	}
	return n == 16 ? 0 : -EINVAL;
}

int host_read(struct host *h)
{
	struct utsname uts;
	char boot_id[64];
	size_t n = 0;
	int err;

	memset(h, 0, sizeof(*h));
	if (uname(&uts) < 0)
		return -errno;
	snprintf(h->full_name, sizeof(h->full_name), "%s", uts.nodename);
	for (char *p = h->full_name; *p; p++) { /* sethostname(2) takes anything */
		if ((unsigned char)*p <= ' ' || *p == 0x7f)
			*p = '?';
	}
	snprintf(h->kernel, sizeof(h->kernel), "%s %s", uts.release, uts.machine);
	for (const char *p = uts.nodename; *p && n < CHAIN_NAME_MAX; p++) {
		char c = (char)tolower((unsigned char)*p);

		if (isalnum((unsigned char)c) || c == '.' || c == '-')
			h->name[n++] = c;
	}
	if (n == 0)
		snprintf(h->name, sizeof(h->name), "host");
	/* A system without systemd keeps it for D-Bus; one without either has no identity that
	 * outlives a boot, and says so in the origin: its machine is all zeros. */
	if (read_line("/etc/machine-id", h->machine_id, sizeof(h->machine_id)) &&
	    read_line("/var/lib/dbus/machine-id", h->machine_id, sizeof(h->machine_id)))
		snprintf(h->machine_id, sizeof(h->machine_id), "none");
	err = read_line("/proc/sys/kernel/random/boot_id", boot_id, sizeof(boot_id));
	return err ? err : parse_boot_id(boot_id, h->boot_id);
}

static uint64_t read_clock(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_monotonic(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t clock_epoch(void)
{
	return read_clock(CLOCK_REALTIME);
}

uint64_t clock_boot_time(void)
{
	return read_clock(CLOCK_REALTIME) - read_clock(CLOCK_BOOTTIME);
}
