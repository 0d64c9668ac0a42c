// SPDX-License-Identifier: Apache-2.0
/*
 * The shape of a command line: which flags, not which values. "sh -c [encoded] [writable]" is a
 * habit or it is not, whatever the payload says.
 */
#include "score/token.h"

#define SCANNED	      2048 /* bytes of argv: a bound on the time, not on the record */
#define FLAGS	      6	   /* distinct flags named; more is "..." */
#define FLAG_TEXT     10
#define NAME_TEXT     20
#define ENCODED_LEAST 24 /* shorter runs are words */

struct flags {
	struct bytes flag[FLAGS];
	size_t used;
	bool more;
};

static bool is_less(struct bytes a, struct bytes b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = memcmp(a.data, b.data, len);

	return order ? order < 0 : a.len < b.len;
}

/* Sorted and distinct: the order of flags means nothing. */
static void add_flag(struct flags *flags, struct bytes flag)
{
	size_t at = 0;

	while (at < flags->used && is_less(flags->flag[at], flag))
		at++;
	if (at < flags->used && bytes_equal(flags->flag[at], flag))
		return;
	if (flags->used == FLAGS) {
		flags->more = true;
		return;
	}
	memmove(&flags->flag[at + 1], &flags->flag[at], (flags->used - at) * sizeof(flag));
	flags->flag[at] = flag;
	flags->used++;
}

/* Base64 or hexadecimal: a long run without spaces that mixes digits with letters. */
static bool looks_encoded(struct bytes word)
{
	size_t run = 0, digits = 0, lower = 0, upper = 0;

	for (size_t i = 0; i < word.len; i++) {
		uint8_t c = word.data[i];
		bool is_digit = c >= '0' && c <= '9';
		bool is_lower = c >= 'a' && c <= 'z', is_upper = c >= 'A' && c <= 'Z';

		if (!is_digit && !is_lower && !is_upper && c != '+' && c != '=') {
			run = digits = lower = upper = 0; /* '/' ends it: paths are no code */
			continue;
		}
		digits += is_digit;
		lower += is_lower;
		upper += is_upper;
		if (++run >= ENCODED_LEAST && digits > 1 &&
		    (upper > 2 ? lower > 2 : digits * 4 > run))
			return true;
	}
	return false;
}

static struct bytes flag_of(struct bytes word)
{
	size_t len = 0;

	while (len < word.len && word.data[len] != '=')
		len++;
	return bytes_of(word.data, len);
}

static void add_shape(struct label *label, struct bytes argv)
{
	struct flags flags = { 0 };
	bool encoded = false, first = true;
	size_t end = argv.len < SCANNED ? argv.len : SCANNED;

	for (size_t at = 0, next; at < end; at = next + 1, first = false) {
		struct bytes word;

		for (next = at; next < end && argv.data[next] != '\0';)
			next++;
		word = bytes_of(argv.data + at, next - at);
		if (first)
			continue; /* argv[0]: the name it goes by, not an argument */
		if (word.len > 1 && word.data[0] == '-')
			add_flag(&flags, flag_of(word));
		encoded = encoded || looks_encoded(word);
	}
	for (size_t i = 0; i < flags.used; i++) {
		label_add(label, " ");
		label_add_bytes(label, flags.flag[i], FLAG_TEXT);
	}
	if (flags.more)
		label_add(label, " ...");
	if (encoded)
		label_add(label, " [encoded]");
}

bool token_shape(const struct record *record, uint64_t time, struct label *ret)
{
	struct bytes program = fact_program(record);

	(void)time;
	if (!record->argv.len)
		return false;
	/* first what weighs most, the text may be cut at its end */
	if (record->flags & RECORD_PSEUDO)
		label_add(ret, "[memfd] ");
	if (record->flags & RECORD_DELETED)
		label_add(ret, "[deleted] ");
	if (path_is_writable(program))
		label_add(ret, "[writable] ");
	label_add_bytes(ret, path_base(program), NAME_TEXT);
	add_shape(ret, record->argv);
	return true;
}
