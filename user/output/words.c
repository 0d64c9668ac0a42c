// SPDX-License-Identifier: Apache-2.0
/* Numbers of the kernel's interfaces as words. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "output/output.h"

struct word {
	uint32_t value;
	const char *name;
};

static void put_word(struct buffer *to, const struct word *words, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (words[i].value == value) {
			buffer_text(to, words[i].name);
			return;
		}
	}
	buffer_print(to, "%u", value);
}

void output_family(struct buffer *to, uint32_t family)
{
	static const struct word words[] = {
		{ 0, "unspec" },     { 1, "unix" },	{ 2, "inet" },
		{ 10, "inet6" },     { 16, "netlink" }, { 17, "packet" },
		{ 31, "bluetooth" }, { 38, "alg" },	{ 40, "vsock" },
	};

	put_word(to, words, sizeof(words) / sizeof(words[0]), family);
}

void output_protocol(struct buffer *to, uint32_t protocol)
{
	static const struct word words[] = {
		{ 0, "none" },	  { 1, "icmp" },   { 6, "tcp" },       { 17, "udp" },
		{ 58, "icmpv6" }, { 132, "sctp" }, { 136, "udplite" }, { 262, "mptcp" },
	};

	put_word(to, words, sizeof(words) / sizeof(words[0]), protocol);
}

/* Kernel values for x86-64 (include/uapi/asm-generic/fcntl.h): O_LARGEFILE and others differ from
 * what a 64-bit C library shows. */
static const struct word open_words[] = {
	{ 00000100, "O_CREAT" },     { 00000200, "O_EXCL" },	  { 00000400, "O_NOCTTY" },
	{ 00001000, "O_TRUNC" },     { 00002000, "O_APPEND" },	  { 00004000, "O_NONBLOCK" },
	{ 00010000, "O_DSYNC" },     { 00020000, "O_ASYNC" },	  { 00040000, "O_DIRECT" },
	{ 00100000, "O_LARGEFILE" }, { 00200000, "O_DIRECTORY" }, { 00400000, "O_NOFOLLOW" },
	{ 01000000, "O_NOATIME" },   { 02000000, "O_CLOEXEC" },	  { 04000000, "O_SYNC" },
	{ 010000000, "O_PATH" },     { 020000000, "O_TMPFILE" },
};
#define OPEN_WORDS (sizeof(open_words) / sizeof(open_words[0]))
#define OPEN_MODE  3

const char *output_open_flag(unsigned int i, uint32_t flags, bool *ret_set)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	*ret_set = true;
	if (i == 0)
		return modes[flags & OPEN_MODE];
	if (i > OPEN_WORDS)
		return NULL;
	*ret_set = (flags & open_words[i - 1].value) != 0;
	return open_words[i - 1].name;
}

uint32_t output_open_rest(uint32_t flags)
{
	flags &= ~(uint32_t)OPEN_MODE;
	for (size_t i = 0; i < OPEN_WORDS; i++)
		flags &= ~open_words[i].value;
	return flags;
}

const char *output_loss_reason(uint32_t reason)
{
	return reason == LOSS_RING_FULL		? "ring full"
	       : reason == LOSS_PROGRAM_SKIPPED ? "program skipped"
						: "?";
}

void output_errno(struct buffer *to, int number)
{
	const char *name = strerrorname_np(number);

	if (name)
		buffer_text(to, name);
	else
		buffer_print(to, "E%d", number);
}

void output_time(struct buffer *to, uint64_t epoch_ns)
{
	time_t seconds = (time_t)(epoch_ns / 1000000000);
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_print(to, "%s.%09uZ", text, (unsigned int)(epoch_ns % 1000000000));
}

void output_address(struct buffer *to, const struct record *r)
{
	char text[INET6_ADDRSTRLEN];

	if (r->family == 2 && r->address.len == 4) {
		buffer_text(to, inet_ntop(AF_INET, r->address.data, text, sizeof(text)));
	} else if (r->family == 10 && r->address.len == 16) {
		buffer_text(to, inet_ntop(AF_INET6, r->address.data, text, sizeof(text)));
	} else if (r->family == 1 && r->address.len && r->address.data[0] == 0) {
		buffer_text(to, "@"); /* as ss(8) and unix(7) write an abstract name */
		buffer_add(to, r->address.data + 1, r->address.len - 1);
	} else if (r->family == 1) {
		buffer_add(to, r->address.data, r->address.len);
	} else {
		for (size_t i = 0; i < r->address.len; i++)
			buffer_print(to, "%02x", r->address.data[i]);
	}
}
