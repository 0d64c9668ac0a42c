// SPDX-License-Identifier: Apache-2.0
#include "cmd/given.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

bool read_key(const char *command, const char *option, const char *path, char **ret)
{
	uint8_t *data;
	size_t len;
	int err = read_file(AT_FDCWD, path, 1024, &data, &len);

	if (err) {
		complain(0, "%s: %s %s: %s", command, option, path, strerror(-err));
		return false;
	}
	data[strcspn((char *)data, "\n")] = 0;
	*ret = (char *)data;
	return true;
}

static bool take_held(const char *text, struct chain_held *ret)
{
	char *colon;
	unsigned long long size;

	errno = 0;
	size = strtoull(text, &colon, 10);
	if (!isdigit((unsigned char)text[0]) || errno || *colon != ':' ||
	    strlen(colon + 1) != 2 * CHAIN_HASH)
		return false;
	for (int i = 0; i < CHAIN_HASH; i++) {
		char pair[3] = { colon[1 + 2 * i], colon[2 + 2 * i], 0 };

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return false;
		ret->root[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	ret->size = size;
	return true;
}

bool parse_held(const char *command, const char *text, struct chain_held *ret)
{
	if (take_held(text, ret))
		return true;
	complain(0, "%s: --held '%s' is not SIZE:ROOT, a number and 64 hexadecimal digits", command,
		 text);
	return false;
}
