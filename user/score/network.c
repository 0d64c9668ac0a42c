// SPDX-License-Identifier: Apache-2.0
#include "score/token.h"

#include <errno.h>
#include <sys/socket.h>

/* IPv4, also inside IPv6; NULL when it is neither. */
static const uint8_t *ipv4_of(const struct record *record)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct bytes a = record->address;

	if (record->family == AF_INET && a.len == 4)
		return a.data;
	if (record->family == AF_INET6 && a.len == 16 && !memcmp(a.data, mapped, 12))
		return a.data + 12;
	return NULL;
}

static const char *ipv4_class(const uint8_t *a)
{
	if (a[0] == 127)
		return "loopback";
	if (a[0] == 10 || (a[0] == 172 && (a[1] & 0xf0) == 16) || (a[0] == 192 && a[1] == 168) ||
	    (a[0] == 169 && a[1] == 254) || (a[0] == 100 && (a[1] & 0xc0) == 64))
		return "private";
	if (a[0] >= 224)
		return "multicast";
	return a[0] == 0 ? "any" : "public";
}

static const char *ipv6_class(const uint8_t *a)
{
	static const uint8_t loopback[16] = { [15] = 1 };

	if (!memcmp(a, loopback, 16))
		return "loopback";
	if ((a[0] & 0xfe) == 0xfc || (a[0] == 0xfe && (a[1] & 0xc0) == 0x80))
		return "private";
	return a[0] == 0xff ? "multicast" : "public";
}

/* Well-known ports have a meaning each; above them only the range has. */
static void add_port(struct label *label, uint32_t port)
{
	label_add(label, " port ");
	if (port < 1024)
		label_add_number(label, port);
	else
		label_add(label, port < 32768 ? "1024-32767" : "32768-65535");
}

bool token_destination(const struct record *record, uint64_t time, struct label *ret)
{
	const uint8_t *v4 = ipv4_of(record);

	(void)time;
	if (record->family == AF_UNIX) {
		label_add(ret, "unix ");
		label_add_class(ret, record, record->path.len ? record->path : record->address);
	} else if (v4) {
		label_add(ret, ipv4_class(v4));
		add_port(ret, record->port);
	} else if (record->family == AF_INET6 && record->address.len == 16) {
		label_add(ret, ipv6_class(record->address.data));
		add_port(ret, record->port);
	} else {
		label_add(ret, "family ");
		label_add_number(ret, record->family);
	}
	if (record->result < 0 && record->result != -EINPROGRESS)
		label_add(ret, " failed");
	return true;
}

static void add_hex16(struct label *label, const uint8_t *a)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < 4; i++)
		label_add(label, (char[2]){ digits[a[i / 2] >> (i % 2 ? 0 : 4) & 15] });
}

/* The /24, or the /48 that one site has in IPv6; nothing for what never leaves the host. */
bool token_network(const struct record *record, uint64_t time, struct label *ret)
{
	const uint8_t *v4 = ipv4_of(record);

	(void)time;
	if (v4) {
		if (v4[0] == 127)
			return false;
		for (int i = 0; i < 3; i++) {
			label_add_number(ret, v4[i]);
			label_add(ret, ".");
		}
		label_add(ret, "0/24");
		return true;
	}
	if (record->family != AF_INET6 || record->address.len != 16)
		return false;
	for (int i = 0; i < 6; i += 2) {
		add_hex16(ret, record->address.data + i);
		label_add(ret, ":");
	}
	label_add(ret, ":/48");
	return true;
}
