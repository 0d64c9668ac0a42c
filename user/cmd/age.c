// SPDX-License-Identifier: Apache-2.0
#include "cmd/age.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct unit {
	char letter;
	const char *name;
	uint64_t seconds;
} units[] = {
	{ 'd', "d", 86400 },
	{ 'h', "h", 3600 },
	{ 'm', "min", 60 },
	{ 's', "s", 1 },
};

#define UNITS (sizeof(units) / sizeof(units[0]))

bool age_parse(const char *text, uint64_t *ret)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (!isdigit((unsigned char)text[0]) || errno || number == 0 || strlen(end) != 1)
		return false;
	for (size_t i = 0; i < UNITS; i++) {
		if (*end != units[i].letter)
			continue;
		if (number > AGE_MAX / units[i].seconds)
			return false;
		*ret = number * units[i].seconds * AGE_SECOND;
		return true;
	}
	return false;
}

/* The largest unit that fits, and the next one. */
void age_text(uint64_t ns, char ret[AGE_TEXT])
{
	uint64_t seconds = ns / AGE_SECOND, first;
	size_t i = 0;

	while (i < UNITS - 1 && seconds < units[i].seconds)
		i++;
	first = seconds / units[i].seconds;
	seconds %= units[i].seconds;
	if (i == UNITS - 1 || seconds / units[i + 1].seconds == 0)
		snprintf(ret, AGE_TEXT, "%" PRIu64 " %s", first, units[i].name);
	else
		snprintf(ret, AGE_TEXT, "%" PRIu64 " %s %" PRIu64 " %s", first, units[i].name,
			 seconds / units[i + 1].seconds, units[i + 1].name);
}
