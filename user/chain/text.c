// SPDX-License-Identifier: Apache-2.0
#include "chain/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sodium.h>

char *put_base64(char *p, const void *data, size_t len)
{
	size_t n = BASE64_LEN(len);

	sodium_bin2base64(p, n + 1, data, len, sodium_base64_VARIANT_ORIGINAL);
	return p + n;
}

char *put_hex(char *p, const void *data, size_t len)
{
	sodium_bin2hex(p, 2 * len + 1, data, len);
	return p + 2 * len;
}

/* Encoding again is the test: libsodium's decoder takes some characters that are not base64 (with
 * the top bit set) for ones that are. */
ssize_t get_base64(const char *text, size_t len, uint8_t *ret, size_t max)
{
	char again[5];
	size_t n;

	if (sodium_base642bin(ret, max, text, len, NULL, &n, NULL,
			      sodium_base64_VARIANT_ORIGINAL) != 0)
		return -EBADMSG;
	for (size_t at = 0; at < n; at += 3) {
		put_base64(again, ret + at, n - at < 3 ? n - at : 3);
		if (memcmp(again, text + at / 3 * 4, 4) != 0)
			return -EBADMSG;
	}
	return (ssize_t)n;
}

int get_decimal(const char *text, size_t len, uint64_t *ret)
{
	uint64_t v = 0;

	if (len == 0 || (len > 1 && text[0] == '0'))
		return -EBADMSG;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(v, 10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
			return -EBADMSG;
	}
	*ret = v;
	return 0;
}

int chain_fail(struct chain_error *err, int code, const char *format, ...)
{
	va_list args;

	if (!err)
		return code;
	va_start(args, format);
	vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	return code;
}
