/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CHAIN_TEXT_H
#define CHAIN_TEXT_H
/* Bytes as text: hex, base64, and the one line that says why something failed. */
#include "chain/chain.h"

/* Characters of the padded base64 of n bytes. */
#define BASE64_LEN(n) (((n) + 2) / 3 * 4)

/* Write at p, NUL-terminate, return the place of the NUL; the caller owns the room. */
char *put_base64(char *p, const void *data, size_t len);
char *put_hex(char *p, const void *data, size_t len);

/* Decode RFC 4648 s4 base64 of at most max bytes. Bytes decoded, or -EBADMSG unless the text is
 * exactly what put_base64 writes. */
ssize_t get_base64(const char *text, size_t len, uint8_t *ret, size_t max);

/* Decode all len characters as a decimal without sign or leading zeros; 0 or -EBADMSG. */
int get_decimal(const char *text, size_t len, uint64_t *ret);

/* Fill err (may be NULL) and return code. */
__attribute__((format(printf, 3, 4))) int chain_fail(struct chain_error *err, int code,
						     const char *format, ...);

#endif
